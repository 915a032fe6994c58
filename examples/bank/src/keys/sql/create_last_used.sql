-- Makes the table for the times of last use. Of several processes one makes it, and the others wait
-- until it has; the number is that of their lock and means nothing.
SELECT pg_advisory_xact_lock(6100847294015);

CREATE SCHEMA IF NOT EXISTS bank_keys;

-- No index but the key: a time that changes touches nothing but its row.
CREATE TABLE IF NOT EXISTS bank_keys.last_used (
    key_id  text COLLATE "C" PRIMARY KEY,
    used_at timestamptz NOT NULL
);

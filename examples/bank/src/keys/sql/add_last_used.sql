-- Keeps the latest time of each key, whoever knew of it. $1 keys, $2 times.
INSERT INTO bank_keys.last_used AS known (key_id, used_at)
SELECT key_id, used_at FROM unnest($1::text[], $2::timestamptz[]) AS used (key_id, used_at)
-- In one order everywhere: of two processes one waits for the other, and never both.
ORDER BY key_id
ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at
WHERE known.used_at < excluded.used_at

-- The file beside the log that keeps the newest snapshot of each stream. It can be lost at any time,
-- so nothing is flushed.
-- 'AnnS'
PRAGMA application_id = 1097756243;
PRAGMA user_version = 1;

CREATE TABLE snapshot (
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    state_version  INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    event_id       BLOB    NOT NULL,
    state          TEXT    NOT NULL,
    checksum       INTEGER NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, state_version)
) STRICT;

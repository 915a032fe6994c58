-- What we keep beside a projection's own tables, in the file of one generation. All of our names
-- begin with annals_, so that the names of the projection are free.
-- 'AnnG'
PRAGMA application_id = 1097756231;
PRAGMA user_version = 1;

-- One row: which generation this file is, whatever it is called. A retired one is written no more.
CREATE TABLE annals_generation (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    projection TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    is_retired INTEGER NOT NULL DEFAULT 0 CHECK (is_retired IN (0, 1))
) STRICT;

-- Times are microseconds since 1970, spans are microseconds, ids the 16 bytes of a UUID.
CREATE TABLE annals_partition (
    partition         INTEGER NOT NULL PRIMARY KEY,
    position          INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id          BLOB CHECK (length(event_id) = 16),
    applied           INTEGER NOT NULL DEFAULT 0,
    moved_at          INTEGER,
    fencing_token     INTEGER NOT NULL DEFAULT 0,
    worker            BLOB CHECK (length(worker) = 16),
    leased_until      INTEGER,
    ttl               INTEGER,
    events_per_second REAL    NOT NULL DEFAULT 0,
    last_error        TEXT,
    CHECK ((worker IS NULL) = (leased_until IS NULL) AND (worker IS NULL) = (ttl IS NULL))
) STRICT;

-- The workers that the partitions are divided by.
CREATE TABLE annals_worker (
    worker       BLOB    NOT NULL PRIMARY KEY CHECK (length(worker) = 16),
    ttl          INTEGER NOT NULL,
    counts_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests are JSON.
CREATE TABLE annals_dead_letter (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    partition       INTEGER NOT NULL REFERENCES annals_partition (partition),
    aggregate_type  TEXT    NOT NULL,
    aggregate_id    TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    event_type      TEXT    NOT NULL,
    error           TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    since           INTEGER NOT NULL,
    last_attempt_at INTEGER NOT NULL,
    request         TEXT,
    discarded_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX annals_stream_stands_still_once
ON annals_dead_letter (aggregate_type, aggregate_id) WHERE discarded_at IS NULL;
CREATE INDEX annals_dead_letter_partition
ON annals_dead_letter (partition, position) WHERE discarded_at IS NULL;

CREATE TABLE annals_queued_event (
    letter     BLOB    NOT NULL REFERENCES annals_dead_letter (id),
    position   INTEGER NOT NULL,
    event_type TEXT    NOT NULL,
    PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;

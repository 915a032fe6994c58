-- The catalog of a folder of read models: which generations there are, and which of them serve.
-- 'AnnR'
PRAGMA application_id = 1097756242;
PRAGMA user_version = 1;

-- The last number that was given to a generation of each projection. It outlives the generations,
-- so that none is given twice.
CREATE TABLE numbering (
    projection  TEXT    NOT NULL PRIMARY KEY,
    last_number INTEGER NOT NULL CHECK (last_number > 0)
) STRICT, WITHOUT ROWID;

-- Times are microseconds since 1970, ids the 16 bytes of a UUID, comparisons JSON.
CREATE TABLE generation (
    projection TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 256),
    log_id     BLOB    NOT NULL CHECK (length(log_id) = 16),
    state      TEXT    NOT NULL CHECK (state IN ('building', 'held', 'serving', 'retained')),
    created_at INTEGER NOT NULL,
    comparison TEXT,
    PRIMARY KEY (projection, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_generation_serves ON generation (projection) WHERE state = 'serving';
CREATE UNIQUE INDEX one_generation_is_built ON generation (projection)
WHERE state IN ('building', 'held');

-- How far the named readers of the log are that keep nothing else here.
CREATE TABLE subscription (
    name     TEXT    NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    event_id BLOB CHECK (length(event_id) = 16)
) STRICT, WITHOUT ROWID;

-- The log: events, their tags, the ledger of commands.
--
-- The database itself refuses to change or remove what is written (G9), to leave a hole in the
-- positions (G3) or in the sequences of a stream (G4). Deletes by `INSERT OR REPLACE` do not fire
-- delete triggers, so the insert triggers refuse every row that would replace another one.
--
-- Insert triggers raise ROLLBACK or FAIL and call no function: with ABORT or a function call SQLite
-- copies each page a statement touches, to be able to undo that statement alone.

-- 'Annl'
PRAGMA application_id = 1097756268;
PRAGMA user_version = 1;

-- The name of the log, in one row.
CREATE TABLE log (
    log_id BLOB NOT NULL PRIMARY KEY CHECK (length(log_id) = 16)
) STRICT, WITHOUT ROWID;

INSERT INTO log (log_id) VALUES (randomblob(16));

CREATE TABLE event (
    position       INTEGER PRIMARY KEY,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL,
    event_type     TEXT    NOT NULL,
    event_version  INTEGER NOT NULL CHECK (event_version BETWEEN 1 AND 65535),
    event_id       BLOB    NOT NULL,
    payload        TEXT    NOT NULL,
    metadata       TEXT    NOT NULL,
    -- JSON array, NULL when there are none: a row is complete by itself, event_tag is its index.
    tags           TEXT,
    -- Microseconds since 1970.
    timestamp      INTEGER NOT NULL,
    -- CRC-32 over all other columns, verified by every read.
    checksum       INTEGER NOT NULL CHECK (checksum BETWEEN 0 AND 4294967295),
    UNIQUE (aggregate_type, aggregate_id, sequence)
) STRICT;

-- Tag before position: the events of a tag come out in the order of the log, so a page is a range
-- of the key. With the type between them, a query for several types would have to be sorted.
CREATE TABLE event_tag (
    tag        TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    event_type TEXT    NOT NULL,
    PRIMARY KEY (tag, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE command (
    command_id     BLOB    NOT NULL PRIMARY KEY,
    first_position INTEGER NOT NULL CHECK (first_position > 0),
    count          INTEGER NOT NULL CHECK (count >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER log_has_one_name
BEFORE INSERT ON log
BEGIN
    SELECT RAISE(ROLLBACK, 'the log has its name already');
END;

CREATE TRIGGER log_is_never_renamed
BEFORE UPDATE ON log
BEGIN
    SELECT RAISE(ABORT, 'the log is never renamed');
END;

CREATE TRIGGER log_name_is_never_removed
BEFORE DELETE ON log
BEGIN
    SELECT RAISE(ABORT, 'the name of the log is never removed');
END;

CREATE TRIGGER event_follows_the_last
BEFORE INSERT ON event
WHEN NEW.position IS NOT 1 + coalesce((SELECT position FROM event ORDER BY position DESC LIMIT 1), 0)
    OR NEW.sequence IS NOT 1 + coalesce((
        SELECT sequence FROM event
        WHERE aggregate_type = NEW.aggregate_type AND aggregate_id = NEW.aggregate_id
        ORDER BY sequence DESC LIMIT 1
    ), 0)
BEGIN
    SELECT RAISE(ROLLBACK, 'an event must follow the last one of the log and of its stream');
END;

CREATE TRIGGER event_is_never_changed
BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;

CREATE TRIGGER event_is_never_removed
BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are never removed');
END;

CREATE TRIGGER event_tag_belongs_to_the_last_event
BEFORE INSERT ON event_tag
WHEN NEW.position IS NOT (SELECT position FROM event ORDER BY position DESC LIMIT 1)
    OR EXISTS (SELECT 1 FROM event_tag WHERE tag = NEW.tag AND position = NEW.position)
BEGIN
    SELECT RAISE(ROLLBACK, 'tags are written with their event');
END;

CREATE TRIGGER event_tag_is_never_changed
BEFORE UPDATE ON event_tag
BEGIN
    SELECT RAISE(ABORT, 'tags are never changed');
END;

CREATE TRIGGER event_tag_is_never_removed
BEFORE DELETE ON event_tag
BEGIN
    SELECT RAISE(ABORT, 'tags are never removed');
END;

-- FAIL leaves the transaction as it was: this is how the writer learns of a repeated command.
CREATE TRIGGER command_is_written_once
BEFORE INSERT ON command
WHEN EXISTS (SELECT 1 FROM command WHERE command_id = NEW.command_id)
BEGIN
    SELECT RAISE(FAIL, 'the command is already in the ledger');
END;

CREATE TRIGGER command_is_never_changed
BEFORE UPDATE ON command
BEGIN
    SELECT RAISE(ABORT, 'commands are never changed');
END;

CREATE TRIGGER command_is_never_removed
BEFORE DELETE ON command
BEGIN
    SELECT RAISE(ABORT, 'commands are never removed');
END;

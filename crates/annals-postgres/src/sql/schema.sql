-- The whole schema, as all migrations together leave it. A test compares the two.

CREATE SCHEMA IF NOT EXISTS annals;

CREATE TABLE annals.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Writers lock the one row of this table, so that one of them after the other checks and writes.
-- It is locked and never changed: a counter in it would leave a dead version for each batch, and a
-- transaction held open elsewhere (a backup) would make every writer walk over all of them. Where
-- the log ends is what the primary key of the events says.
CREATE TABLE annals.head (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- Names this log, so that a reader can tell it from another one at the same address.
    log_id uuid NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO annals.head DEFAULT VALUES;

-- Positions come from the writer that holds the row in head, never from a sequence, which gives
-- numbers out before the commit and to those who roll back.
--
-- Names compare byte by byte: that is how everybody else compares them, and no update of the
-- operating system's collations can disorder an index.
--
-- json keeps the text to the letter; jsonb would change numbers, keys and their order, and makes
-- long loads up to twice as slow.
CREATE TABLE annals.event (
    position bigint PRIMARY KEY CHECK (position > 0),
    sequence bigint NOT NULL CHECK (sequence > 0),
    timestamp timestamptz NOT NULL,
    event_id uuid NOT NULL,
    event_version integer NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    -- Nothing instead of an empty array.
    tags text[] COLLATE "C",
    -- The id first: it tells streams apart at the first comparison, the type hardly ever does.
    CONSTRAINT event_stream_key UNIQUE (aggregate_id, aggregate_type, sequence)
);

CREATE INDEX event_type_position_idx ON annals.event (event_type, position);

-- One row for each tag of each event: a B-tree finds what is new under a tag by one probe, at a
-- cost that does not follow the length of the log.
CREATE TABLE annals.event_tag (
    position bigint NOT NULL,
    tag text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, position)
);

-- What each command id led to.
CREATE TABLE annals.command (
    first_position bigint NOT NULL,
    count integer NOT NULL CHECK (count >= 0),
    command_id uuid PRIMARY KEY
);

-- Shortcuts: losing them costs time only, so these rows may change.
CREATE TABLE annals.snapshot (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id text COLLATE "C" NOT NULL,
    state_version bigint NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    checksum bigint NOT NULL,
    state json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, state_version)
);

-- The sequence of a stream's last event at or below a position, 0 if there is none. Sequences rise
-- with positions, so halving finds it with as many probes as the stream's length has bits. In
-- PL/pgSQL because that keeps its plans between calls.
CREATE FUNCTION annals.sequence_at(of_type text, of_id text, at_position bigint) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    middle_position bigint;
BEGIN
    SELECT event.sequence, event.position
    INTO high, middle_position
    FROM annals.event
    WHERE event.aggregate_type = of_type AND event.aggregate_id = of_id
    ORDER BY event.sequence DESC
    LIMIT 1;
    IF high IS NULL THEN
        RETURN 0;
    END IF;
    IF middle_position <= at_position THEN
        RETURN high;
    END IF;
    -- The answer is at least low and below high.
    WHILE high - low > 1 LOOP
        middle := (low + high) / 2;
        SELECT event.position
        INTO STRICT middle_position
        FROM annals.event
        WHERE event.aggregate_type = of_type
            AND event.aggregate_id = of_id
            AND event.sequence = middle;
        IF middle_position <= at_position THEN
            low := middle;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- Nobody changes what is in the log, its owner included.
CREATE FUNCTION annals.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: what is in the log stays as it is',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.event
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.event_tag
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.command
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.head
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();

-- Also in sessions that switch ordinary triggers off, as replication does.
ALTER TABLE annals.event ENABLE ALWAYS TRIGGER stays;
ALTER TABLE annals.event_tag ENABLE ALWAYS TRIGGER stays;
ALTER TABLE annals.command ENABLE ALWAYS TRIGGER stays;
ALTER TABLE annals.head ENABLE ALWAYS TRIGGER stays;

INSERT INTO annals.migration (number, name) VALUES (1, 'log');

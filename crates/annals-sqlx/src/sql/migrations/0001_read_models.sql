-- What there is to know about read models: their generations, how far each is, who works on it,
-- what could not be processed, and the checkpoints of subscriptions. The rows of a read model
-- itself are in a schema of their own for each generation, named by its projection and number.

CREATE SCHEMA annals_read;

CREATE TABLE annals_read.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Outlives the generations, so that no number is given twice.
CREATE TABLE annals_read.projection (
    name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,47}$'),
    generations_begun bigint NOT NULL
);

CREATE TABLE annals_read.generation (
    projection text COLLATE "C" NOT NULL REFERENCES annals_read.projection (name),
    number bigint NOT NULL CHECK (number > 0),
    version bigint NOT NULL,
    partitions integer NOT NULL CHECK (partitions > 0),
    log_id uuid NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('building', 'held', 'serving', 'retained')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    comparison json,
    PRIMARY KEY (projection, number)
);

CREATE UNIQUE INDEX generation_serving_key ON annals_read.generation (projection)
    WHERE state = 'serving';

CREATE UNIQUE INDEX generation_building_key ON annals_read.generation (projection)
    WHERE state IN ('building', 'held');

-- Changed by every batch: room on the page lets the new version of a row stand beside the old one,
-- and no column that changes is indexed, so no index grows.
CREATE TABLE annals_read.partition (
    projection text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- The event at the position; nothing at the start.
    event_id uuid,
    applied bigint NOT NULL DEFAULT 0,
    moved_at timestamptz,
    fencing_token bigint NOT NULL DEFAULT 0,
    worker_id uuid,
    lease_duration interval,
    leased_until timestamptz,
    events_per_second double precision NOT NULL DEFAULT 0,
    last_error text,
    PRIMARY KEY (projection, generation, partition),
    FOREIGN KEY (projection, generation)
        REFERENCES annals_read.generation (projection, number) ON DELETE CASCADE,
    CHECK ((worker_id IS NULL) = (leased_until IS NULL))
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Who was heard of, so that partitions are shared out fairly.
CREATE TABLE annals_read.worker (
    projection text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    worker_id uuid NOT NULL,
    heard_until timestamptz NOT NULL,
    PRIMARY KEY (projection, generation, worker_id),
    FOREIGN KEY (projection, generation)
        REFERENCES annals_read.generation (projection, number) ON DELETE CASCADE
);

CREATE TABLE annals_read.dead_letter (
    id uuid PRIMARY KEY,
    projection text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    partition integer NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    error text NOT NULL,
    attempts bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    request json,
    discarded_at timestamptz,
    FOREIGN KEY (projection, generation)
        REFERENCES annals_read.generation (projection, number) ON DELETE CASCADE
);

-- A stream stands still for one event at a time.
CREATE UNIQUE INDEX dead_letter_stream_key
    ON annals_read.dead_letter (projection, generation, aggregate_id, aggregate_type)
    WHERE discarded_at IS NULL;

CREATE INDEX dead_letter_generation_idx ON annals_read.dead_letter (projection, generation);

CREATE TABLE annals_read.queued_event (
    letter_id uuid NOT NULL REFERENCES annals_read.dead_letter (id) ON DELETE CASCADE,
    position bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    PRIMARY KEY (letter_id, position)
);

CREATE TABLE annals_read.subscription (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0),
    event_id uuid,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 20);

INSERT INTO annals_read.migration (number, name) VALUES (1, 'read_models');

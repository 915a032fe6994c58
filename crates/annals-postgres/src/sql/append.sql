-- Writes a batch if everything holds that it was drafted on; otherwise writes nothing. Either way it
-- says what it found. It runs after lock_head.sql, in the same transaction but with a snapshot of its
-- own: a statement that waits for the lock itself would check what was there before it waited.
--
-- $1   whether to write at all, or only to look
-- $2   lowest position the head must have
-- $3   head at which current sequences are right: if it is there, nobody else has written since
-- Streams, numbered from 1:
-- $4   aggregate type   $5 aggregate id   $6 last sequence it must have   $7 last event it must have
--      (null for any)   $8 current sequence (null if it must be looked up)
-- $9   command ids that must not be in the ledger
-- Events, numbered from 1:
-- $10  aggregate type   $11 aggregate id   $12 number of the stream   $13 place among the batch's
--      events of the stream   $14 event type   $15 event version   $16 event id   $17 payload
-- $18  metadata   $19 tags (an array in its text form, null for none)
-- Tags: $20 tag   $21 number of the event   $22 event type
-- Commands: $23 command id   $24 number of the first event   $25 count
--
-- One row, or one for each command id that was found: whether it was written, whether the head row
-- is held, the head before, for each stream the last sequence and event before, and the command's
-- outcome.
WITH head AS MATERIALIZED (
    SELECT
        coalesce(last.position, 0) AS position,
        -- The clock of the database may step back, the log's time does not.
        greatest(clock_timestamp(), last.timestamp) AS timestamp
    FROM (VALUES (1)) AS once (one)
    LEFT JOIN LATERAL (
        SELECT event.position, event.timestamp
        FROM annals.event
        ORDER BY event.position DESC
        LIMIT 1
    ) AS last ON true
),
stream AS MATERIALIZED (
    SELECT
        array_agg(found.sequence ORDER BY named.number) AS sequences,
        array_agg(last.event_id ORDER BY named.number) AS event_ids,
        coalesce(
            bool_and(
                coalesce(named.sequence = found.sequence, true)
                AND (
                    named.event_id IS NULL
                    OR known.is_current
                    OR coalesce(named.event_id = last.event_id, false)
                )
            ),
            true
        ) AS holds
    FROM head
    CROSS JOIN unnest($4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[])
        WITH ORDINALITY
        AS named (aggregate_type, aggregate_id, sequence, event_id, current_sequence, number)
    CROSS JOIN LATERAL (
        SELECT named.current_sequence IS NOT NULL
            AND head.position IS NOT DISTINCT FROM $3::bigint AS is_current
    ) AS known
    LEFT JOIN LATERAL (
        SELECT event.sequence, event.event_id
        FROM annals.event
        WHERE NOT known.is_current
            AND event.aggregate_type = named.aggregate_type
            AND event.aggregate_id = named.aggregate_id
        ORDER BY event.sequence DESC
        LIMIT 1
    ) AS last ON true
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN known.is_current THEN named.current_sequence
            ELSE coalesce(last.sequence, 0)
        END AS sequence
    ) AS found
),
repeated AS MATERIALIZED (
    SELECT command.command_id, command.first_position, command.count
    FROM annals.command
    WHERE command.command_id = ANY ($9::uuid[])
),
lock AS MATERIALIZED (
    -- Whether this very transaction holds the row, should what went before have failed.
    SELECT EXISTS (
        SELECT
        FROM annals.head
        WHERE head.xmax = pg_current_xact_id_if_assigned()::xid
    ) AS is_held
),
verdict AS MATERIALIZED (
    SELECT
        lock.is_held,
        $1::boolean
            AND lock.is_held
            AND head.position >= $2::bigint
            AND stream.holds
            AND NOT EXISTS (SELECT FROM repeated)
            -- What check_conditions.sql found out before, if it was sent.
            AND current_setting('annals.conditions_hold', true) IS DISTINCT FROM 'no' AS holds
    FROM lock
    CROSS JOIN head
    CROSS JOIN stream
),
new_event AS (
    INSERT INTO annals.event (
        position, sequence, timestamp, event_id, event_version, aggregate_type, aggregate_id,
        event_type, payload, metadata, tags
    )
    SELECT
        head.position + given.number,
        stream.sequences[given.stream] + given.place,
        head.timestamp,
        given.event_id,
        given.event_version,
        given.aggregate_type,
        given.aggregate_id,
        given.event_type,
        given.payload,
        given.metadata,
        given.tags::text[]
    FROM verdict
    CROSS JOIN head
    CROSS JOIN stream
    CROSS JOIN unnest(
        $10::text[], $11::text[], $12::integer[], $13::bigint[], $14::text[], $15::integer[],
        $16::uuid[], $17::json[], $18::json[], $19::text[]
    ) WITH ORDINALITY AS given (
        aggregate_type, aggregate_id, stream, place, event_type, event_version,
        event_id, payload, metadata, tags, number
    )
    WHERE verdict.holds
),
new_tag AS (
    INSERT INTO annals.event_tag (position, tag, event_type)
    SELECT head.position + given.number, given.tag, given.event_type
    FROM verdict
    CROSS JOIN head
    CROSS JOIN unnest($20::text[], $21::integer[], $22::text[]) AS given (tag, number, event_type)
    WHERE verdict.holds
),
new_command AS (
    INSERT INTO annals.command (first_position, count, command_id)
    SELECT head.position + given.number, given.count, given.command_id
    FROM verdict
    CROSS JOIN head
    CROSS JOIN unnest($23::uuid[], $24::integer[], $25::integer[])
        AS given (command_id, number, count)
    WHERE verdict.holds
)
SELECT
    verdict.holds,
    verdict.is_held AS is_locked,
    head.position,
    stream.sequences,
    stream.event_ids,
    repeated.command_id,
    repeated.first_position,
    ARRAY(
        SELECT event.sequence
        FROM annals.event
        WHERE event.position >= repeated.first_position
            AND event.position < repeated.first_position + repeated.count
        ORDER BY event.position
    ) AS command_sequences
FROM verdict
CROSS JOIN head
CROSS JOIN stream
LEFT JOIN repeated ON true
ORDER BY repeated.first_position

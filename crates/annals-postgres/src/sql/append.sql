-- Writes a batch if everything holds that it was drafted on; otherwise writes nothing. Either way it
-- says what it found. It runs after lock_head.sql, in the same transaction but with a snapshot of its
-- own: a statement that waits for the lock itself would check what was there before it waited.
--
-- $1   whether to write at all, or only to look
-- $2   lowest position the head must have
-- Streams, numbered from 1:
-- $3   aggregate type   $4 aggregate id   $5 last sequence it must have   $6 last event it must have
--      (null for any)
-- $7   command ids that must not be in the ledger
-- Events, numbered from 1:
-- $8   aggregate type   $9 aggregate id   $10 number of the stream   $11 place among the batch's
--      events of the stream   $12 event type   $13 event version   $14 event id   $15 payload
-- $16  metadata   $17 tags (an array in its text form, null for none)
-- Tags: $18 tag   $19 number of the event   $20 event type
-- Commands: $21 command id   $22 number of the first event   $23 count
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
        array_agg(coalesce(last.sequence, 0) ORDER BY named.number) AS sequences,
        array_agg(last.event_id ORDER BY named.number) AS event_ids,
        coalesce(
            bool_and(
                coalesce(named.sequence = coalesce(last.sequence, 0), true)
                AND (named.event_id IS NULL OR coalesce(named.event_id = last.event_id, false))
            ),
            true
        ) AS holds
    FROM unnest($3::text[], $4::text[], $5::bigint[], $6::uuid[])
        WITH ORDINALITY AS named (aggregate_type, aggregate_id, sequence, event_id, number)
    LEFT JOIN LATERAL (
        SELECT event.sequence, event.event_id
        FROM annals.event
        WHERE event.aggregate_type = named.aggregate_type AND event.aggregate_id = named.aggregate_id
        ORDER BY event.sequence DESC
        LIMIT 1
    ) AS last ON true
),
repeated AS MATERIALIZED (
    SELECT command.command_id, command.first_position, command.count
    FROM annals.command
    WHERE command.command_id = ANY ($7::uuid[])
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
        $8::text[], $9::text[], $10::integer[], $11::bigint[], $12::text[], $13::integer[],
        $14::uuid[], $15::json[], $16::json[], $17::text[]
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
    CROSS JOIN unnest($18::text[], $19::integer[], $20::text[]) AS given (tag, number, event_type)
    WHERE verdict.holds
),
new_command AS (
    INSERT INTO annals.command (first_position, count, command_id)
    SELECT head.position + given.number, given.count, given.command_id
    FROM verdict
    CROSS JOIN head
    CROSS JOIN unnest($21::uuid[], $22::integer[], $23::integer[])
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

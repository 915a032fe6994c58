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
-- Items of query conditions, no event may match:
-- $8   number of the condition   $9 after this position   $10 whether it must hold
-- $11  all of these tags   $12 any of these types   $13, $14 any of these streams, types and ids
--      (each an array in its text form, null for no restriction)
-- Events, numbered from 1:
-- $15  aggregate type   $16 aggregate id   $17 number of the stream   $18 place among the batch's
--      events of the stream   $19 event type   $20 event version   $21 event id   $22 payload
-- $23  metadata   $24 tags (an array in its text form, null for none)
-- Tags: $25 tag   $26 number of the event   $27 event type
-- Commands: $28 command id   $29 number of the first event   $30 count
--
-- One row, or one for each command id that was found: whether it was written, whether the head row
-- is held, the head before, for each stream the last sequence and event before, the conditions that
-- do not hold, each with an event that matches, and the command's outcome.
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
item AS MATERIALIZED (
    SELECT
        given.condition,
        given.after,
        given.is_needed,
        given.tags::text[] AS tags,
        given.types::text[] AS types,
        given.stream_types::text[] AS stream_types,
        given.stream_ids::text[] AS stream_ids
    FROM unnest(
        $8::integer[], $9::bigint[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::text[]
    ) AS given (condition, after, is_needed, tags, types, stream_types, stream_ids)
),
hit AS MATERIALIZED (
    -- Everything.
    SELECT item.condition, item.is_needed, head.position
    FROM item
    CROSS JOIN head
    WHERE item.tags IS NULL AND item.types IS NULL AND item.stream_ids IS NULL
        AND head.position > item.after
    UNION ALL
    -- Tags, with or without types and streams: what is new under the first tag.
    SELECT item.condition, item.is_needed, found.position
    FROM item
    CROSS JOIN LATERAL (
        SELECT tagged.position
        FROM annals.event_tag AS tagged
        WHERE tagged.tag = item.tags[1]
            AND tagged.position > item.after
            AND (item.types IS NULL OR tagged.event_type = ANY (item.types))
            AND NOT EXISTS (
                SELECT
                FROM unnest(item.tags[2:]) AS other (tag)
                WHERE NOT EXISTS (
                    SELECT
                    FROM annals.event_tag AS also
                    WHERE also.tag = other.tag AND also.position = tagged.position
                )
            )
            AND (item.stream_ids IS NULL OR EXISTS (
                SELECT
                FROM annals.event
                JOIN unnest(item.stream_types, item.stream_ids) AS wanted (type, id)
                    ON wanted.type = event.aggregate_type AND wanted.id = event.aggregate_id
                WHERE event.position = tagged.position
            ))
        ORDER BY tagged.position
        LIMIT 1
    ) AS found
    WHERE item.tags IS NOT NULL
    UNION ALL
    -- Streams, with or without types. A stream has at most as many new events as the log has.
    SELECT item.condition, item.is_needed, found.position
    FROM item
    CROSS JOIN head
    CROSS JOIN LATERAL unnest(item.stream_types, item.stream_ids) AS wanted (type, id)
    CROSS JOIN LATERAL (
        SELECT event.sequence, event.position
        FROM annals.event
        WHERE event.aggregate_type = wanted.type AND event.aggregate_id = wanted.id
        ORDER BY event.sequence DESC
        LIMIT 1
    ) AS last
    CROSS JOIN LATERAL (
        SELECT event.position
        FROM annals.event
        WHERE event.aggregate_type = wanted.type
            AND event.aggregate_id = wanted.id
            AND event.sequence > last.sequence - greatest(head.position - item.after, 0)
            AND event.position > item.after
            AND (item.types IS NULL OR event.event_type = ANY (item.types))
        ORDER BY event.sequence
        LIMIT 1
    ) AS found
    WHERE item.tags IS NULL AND item.stream_ids IS NOT NULL AND last.position > item.after
    UNION ALL
    -- Types alone.
    SELECT item.condition, item.is_needed, found.position
    FROM item
    CROSS JOIN LATERAL unnest(item.types) AS wanted (type)
    CROSS JOIN LATERAL (
        SELECT event.position
        FROM annals.event
        -- Compared as rows, so that no index on positions alone looks good enough.
        WHERE (event.event_type, event.position) > (wanted.type, item.after)
            AND (event.event_type, event.position) <= (wanted.type, 9223372036854775807)
        ORDER BY event.event_type, event.position
        LIMIT 1
    ) AS found
    WHERE item.tags IS NULL AND item.stream_ids IS NULL
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
            AND NOT EXISTS (SELECT FROM hit WHERE hit.is_needed) AS holds
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
        $15::text[], $16::text[], $17::integer[], $18::bigint[], $19::text[], $20::integer[],
        $21::uuid[], $22::json[], $23::json[], $24::text[]
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
    CROSS JOIN unnest($25::text[], $26::integer[], $27::text[]) AS given (tag, number, event_type)
    WHERE verdict.holds
),
new_command AS (
    INSERT INTO annals.command (first_position, count, command_id)
    SELECT head.position + given.number, given.count, given.command_id
    FROM verdict
    CROSS JOIN head
    CROSS JOIN unnest($28::uuid[], $29::integer[], $30::integer[])
        AS given (command_id, number, count)
    WHERE verdict.holds
)
SELECT
    verdict.holds,
    verdict.is_held AS is_locked,
    head.position,
    stream.sequences,
    stream.event_ids,
    (SELECT array_agg(hit.condition) FROM hit) AS hit_conditions,
    (SELECT array_agg(hit.position) FROM hit) AS hit_positions,
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

-- Writes one event under the same rules as append.sql, which is made for many and takes longer to
-- set up.
--
-- $1 aggregate type   $2 aggregate id   $3 last sequence the stream must have   $4 last event it must
-- have (null for any)   $5 head at which the current sequence is right   $6 current sequence (null if
-- it must be looked up)   $7 event type   $8 event version   $9 event id   $10 payload   $11 metadata
-- $12 tags (null for none)   $13 command id (null for none)
--
-- One row, with the columns of append.sql.
WITH found AS MATERIALIZED (
    SELECT
        coalesce(last.position, 0) AS head,
        -- The clock of the database may step back, the log's time does not.
        greatest(clock_timestamp(), last.timestamp) AS timestamp,
        CASE WHEN known.is_current THEN $6 ELSE coalesce(own.sequence, 0) END AS sequence,
        own.event_id,
        known.is_current,
        command.command_id,
        command.first_position,
        command.count,
        -- Whether this very transaction holds the row, should what went before have failed.
        locked.is_held
    FROM (
        SELECT EXISTS (
            SELECT
            FROM annals.head
            WHERE head.xmax = pg_current_xact_id_if_assigned()::xid
        ) AS is_held
    ) AS locked
    LEFT JOIN LATERAL (
        SELECT event.position, event.timestamp
        FROM annals.event
        ORDER BY event.position DESC
        LIMIT 1
    ) AS last ON true
    CROSS JOIN LATERAL (
        SELECT $6::bigint IS NOT NULL
            AND coalesce(last.position, 0) IS NOT DISTINCT FROM $5::bigint AS is_current
    ) AS known
    LEFT JOIN LATERAL (
        SELECT event.sequence, event.event_id
        FROM annals.event
        WHERE NOT known.is_current
            AND event.aggregate_type = $1::text
            AND event.aggregate_id = $2::text
        ORDER BY event.sequence DESC
        LIMIT 1
    ) AS own ON true
    LEFT JOIN annals.command ON command.command_id = $13::uuid
),
new_event AS (
    INSERT INTO annals.event (
        position, sequence, timestamp, event_id, event_version, aggregate_type, aggregate_id,
        event_type, payload, metadata, tags
    )
    SELECT
        found.head + 1,
        found.sequence + 1,
        found.timestamp,
        $9::uuid,
        $8::integer,
        $1,
        $2,
        $7::text,
        $10::json,
        $11::json,
        $12::text[]
    FROM found
    WHERE found.is_held
        AND found.command_id IS NULL
        AND coalesce(found.sequence = $3::bigint, true)
        AND ($4::uuid IS NULL OR found.is_current OR found.event_id = $4)
    RETURNING event.position
),
new_tag AS (
    INSERT INTO annals.event_tag (position, tag, event_type)
    SELECT new_event.position, given.tag, $7
    FROM new_event
    CROSS JOIN unnest($12) AS given (tag)
),
new_command AS (
    INSERT INTO annals.command (first_position, count, command_id)
    SELECT new_event.position, 1, $13
    FROM new_event
    WHERE $13 IS NOT NULL
)
SELECT
    new_event.position IS NOT NULL AS holds,
    found.is_held AS is_locked,
    found.head AS position,
    ARRAY[found.sequence] AS sequences,
    ARRAY[found.event_id] AS event_ids,
    found.command_id,
    found.first_position,
    ARRAY(
        SELECT event.sequence
        FROM annals.event
        WHERE event.position >= found.first_position
            AND event.position < found.first_position + found.count
        ORDER BY event.position
    ) AS command_sequences
FROM found
LEFT JOIN new_event ON true

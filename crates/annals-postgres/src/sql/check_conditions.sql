-- Looks whether query conditions hold, and keeps for append.sql, within this transaction, whether those
-- do that must. It runs between lock_head.sql and append.sql.
--
-- Items of the conditions, no event may match:
-- $1  number of the condition   $2 after this position   $3 whether it must hold
-- $4  all of these tags   $5 any of these types   $6, $7 any of these streams, types and ids (each an
--     array in its text form, null for no restriction)
--
-- One row: the numbers of conditions that do not hold, and for each the position of an event that
-- matches. What it costs follows what is new after the positions, not the length of the log.
WITH head AS MATERIALIZED (
    SELECT coalesce(max(event.position), 0) AS position
    FROM annals.event
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
        $1::integer[], $2::bigint[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[]
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
)
SELECT
    array_agg(hit.condition) AS conditions,
    array_agg(hit.position) AS positions,
    set_config(
        'annals.conditions_hold',
        CASE WHEN bool_or(hit.is_needed) THEN 'no' ELSE 'yes' END,
        true
    ) AS hold
FROM hit

-- A page of the events that match a query, and the head in the same snapshot. $1 after this position,
-- $2 up to this position, $3 most events. The query's items: $4 all of these tags, $5 any of these
-- types, $6 and $7 any of these streams, types and ids (each an array in its text form, null for no
-- restriction). One row without an event if there is none.
--
-- Each item gives its first positions in their order, from an index that has them in that order; a
-- page is the first of all of them.
WITH head AS MATERIALIZED (
    SELECT coalesce(max(event.position), 0) AS position
    FROM annals.event
),
item AS MATERIALIZED (
    SELECT
        given.tags::text[] AS tags,
        given.types::text[] AS types,
        given.stream_types::text[] AS stream_types,
        given.stream_ids::text[] AS stream_ids
    FROM unnest($4::text[], $5::text[], $6::text[], $7::text[])
        AS given (tags, types, stream_types, stream_ids)
),
candidate AS (
    -- Tags, with or without types and streams.
    SELECT found.position
    FROM item
    CROSS JOIN LATERAL (
        SELECT tagged.position
        FROM annals.event_tag AS tagged
        WHERE tagged.tag = item.tags[1]
            AND tagged.position > $1::bigint
            AND tagged.position <= $2::bigint
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
        LIMIT $3::bigint
    ) AS found
    WHERE item.tags IS NOT NULL
    UNION
    -- Streams, with or without types.
    SELECT found.position
    FROM item
    CROSS JOIN head
    CROSS JOIN LATERAL unnest(item.stream_types, item.stream_ids) AS wanted (type, id)
    CROSS JOIN LATERAL (
        SELECT event.position
        FROM annals.event
        WHERE event.aggregate_type = wanted.type
            AND event.aggregate_id = wanted.id
            AND event.sequence > CASE
                WHEN $1 > 0 THEN annals.sequence_at(wanted.type, wanted.id, $1)
                ELSE 0
            END
            AND event.sequence <= CASE
                WHEN $2 < head.position THEN annals.sequence_at(wanted.type, wanted.id, $2)
                ELSE 9223372036854775807
            END
            AND (item.types IS NULL OR event.event_type = ANY (item.types))
        ORDER BY event.sequence
        LIMIT $3
    ) AS found
    WHERE item.tags IS NULL AND item.stream_ids IS NOT NULL
    UNION
    -- Types alone.
    SELECT found.position
    FROM item
    CROSS JOIN LATERAL unnest(item.types) AS wanted (type)
    CROSS JOIN LATERAL (
        SELECT event.position
        FROM annals.event
        -- Compared as rows, so that no index on positions alone looks good enough.
        WHERE (event.event_type, event.position) > (wanted.type, $1)
            AND (event.event_type, event.position) <= (wanted.type, $2)
        ORDER BY event.event_type, event.position
        LIMIT $3
    ) AS found
    WHERE item.tags IS NULL AND item.stream_ids IS NULL
)
SELECT
    head.position AS head,
    page.position, page.sequence, page.timestamp, page.event_id, page.event_version,
    page.event_type, page.payload, page.metadata, page.tags, page.aggregate_type, page.aggregate_id
FROM head
LEFT JOIN LATERAL (
    SELECT
        event.position, event.sequence, event.timestamp, event.event_id, event.event_version,
        event.aggregate_type, event.aggregate_id, event.event_type, event.payload, event.metadata,
        event.tags
    FROM (
        SELECT candidate.position
        FROM candidate
        ORDER BY candidate.position
        LIMIT $3
    ) AS chosen
    JOIN annals.event ON event.position = chosen.position
    ORDER BY chosen.position
) AS page ON true

-- A page of one stream, and the head in the same snapshot. $1 after this position, $2 up to this
-- position, $3 most events, $4 aggregate type, $5 aggregate id, $6 after this sequence. One row
-- without an event if there is none. The rows come in the order of the page, which the join with one
-- row keeps; the reader checks it.
SELECT
    head.position AS head,
    page.position, page.sequence, page.timestamp, page.event_id, page.event_version,
    page.event_type, page.payload, page.metadata, page.tags
FROM (
    SELECT coalesce(max(event.position), 0) AS position
    FROM annals.event
) AS head
LEFT JOIN LATERAL (
    SELECT
        event.position, event.sequence, event.timestamp, event.event_id, event.event_version,
        event.event_type, event.payload, event.metadata, event.tags
    FROM annals.event
    WHERE event.aggregate_type = $4::text
        AND event.aggregate_id = $5::text
        -- Positions and sequences rise together, so a bound on positions is one on sequences, and
        -- those the index can seek to.
        AND event.sequence > CASE
            WHEN $1::bigint > 0 THEN greatest($6::bigint, annals.sequence_at($4, $5, $1))
            ELSE $6
        END
        AND event.sequence <= CASE
            WHEN $2::bigint < head.position THEN annals.sequence_at($4, $5, $2)
            ELSE 9223372036854775807
        END
    ORDER BY event.sequence
    LIMIT $3::bigint
) AS page ON true

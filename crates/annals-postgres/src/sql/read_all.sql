-- A page of every event, and the head in the same snapshot. $1 after this position, $2 up to this
-- position, $3 most events. One row without an event if there is none.
-- The rows come in the order of the page, which the join with one row keeps; the reader checks it.
SELECT
    head.position AS head,
    page.position, page.sequence, page.timestamp, page.event_id, page.event_version,
    page.event_type, page.payload, page.metadata, page.tags, page.aggregate_type, page.aggregate_id
FROM (
    SELECT coalesce(max(event.position), 0) AS position
    FROM annals.event
) AS head
LEFT JOIN LATERAL (
    SELECT
        event.position, event.sequence, event.timestamp, event.event_id, event.event_version,
        event.aggregate_type, event.aggregate_id, event.event_type, event.payload, event.metadata,
        event.tags
    FROM annals.event
    WHERE event.position > $1::bigint AND event.position <= $2::bigint
    ORDER BY event.position
    LIMIT $3::bigint
) AS page ON true

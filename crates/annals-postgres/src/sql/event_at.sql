-- Which log this is, and which event stands at a position. $1 position.
SELECT head.log_id, event.event_id
FROM annals.head
LEFT JOIN annals.event ON event.position = $1::bigint

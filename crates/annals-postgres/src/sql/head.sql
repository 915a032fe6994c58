-- The last event, and its position. No row if there is none.
SELECT event.position, event.event_id
FROM annals.event
ORDER BY event.position DESC
LIMIT 1

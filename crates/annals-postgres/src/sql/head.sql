-- The position of the last event.
SELECT coalesce(max(event.position), 0) AS position
FROM annals.event

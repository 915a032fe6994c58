-- The first event of a queue, and its type. $1 letter.
SELECT position, event_type FROM annals_read.queued_event
WHERE letter_id = $1
ORDER BY position
LIMIT 1

-- One dead letter. $1 letter.
SELECT
    id, projection, generation, partition, aggregate_type, aggregate_id, position, event_type,
    error, attempts, since, last_attempt_at, request::text AS request, discarded_at,
    (SELECT count(*) FROM annals_read.queued_event AS q WHERE q.letter_id = l.id) AS queued
FROM annals_read.dead_letter AS l
WHERE id = $1

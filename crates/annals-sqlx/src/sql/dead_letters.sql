-- A page of dead letters, oldest first. $1 a projection or nothing, $2 whether discarded ones are
-- asked for, $3 the letter before the page or nothing, $4 how many at most.
SELECT
    id, projection, generation, partition, aggregate_type, aggregate_id, position, event_type,
    error, attempts, since, last_attempt_at, request::text AS request, discarded_at,
    (SELECT count(*) FROM annals_read.queued_event AS q WHERE q.letter_id = l.id) AS queued
FROM annals_read.dead_letter AS l
WHERE ($1::text IS NULL OR projection = $1)
    AND (discarded_at IS NOT NULL) = $2
    AND ($3::uuid IS NULL OR id > $3)
ORDER BY id
LIMIT $4

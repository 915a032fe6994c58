-- A dead letter for the event that is first in the queue behind a discarded one. $1 the new letter,
-- $2 the discarded one, $3 the event's position, $4 its type, $5 what to say of it, $6 what is asked
-- for.
INSERT INTO annals_read.dead_letter (
    id, projection, generation, partition, aggregate_type, aggregate_id, position, event_type,
    error, attempts, request
)
SELECT
    $1, projection, generation, partition, aggregate_type, aggregate_id, $3, $4, $5, 0, $6::json
FROM annals_read.dead_letter WHERE id = $2

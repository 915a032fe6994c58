-- Parks an event, or makes the letter its stream stands still for be about it. $1 letter if it is
-- a new one, $2 projection, $3 generation, $4 partition, $5 aggregate type, $6 aggregate id,
-- $7 position, $8 event type, $9 error, $10 attempts.
INSERT INTO annals_read.dead_letter AS known (
    id, projection, generation, partition, aggregate_type, aggregate_id, position, event_type,
    error, attempts
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (projection, generation, aggregate_id, aggregate_type) WHERE discarded_at IS NULL
DO UPDATE SET
    position = excluded.position,
    event_type = excluded.event_type,
    error = excluded.error,
    attempts = known.attempts + excluded.attempts,
    last_attempt_at = excluded.last_attempt_at,
    request = CASE
        WHEN known.position = excluded.position AND known.request ->> 'kind' = 'discard'
        THEN known.request
    END
RETURNING id

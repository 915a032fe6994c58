-- One dead letter. ?1 id
SELECT
    id, partition, aggregate_type, aggregate_id, position, event_type, error, attempts, since,
    last_attempt_at, request, discarded_at,
    (SELECT count(*) FROM annals_queued_event WHERE letter = id)
FROM annals_dead_letter
WHERE id = ?1;

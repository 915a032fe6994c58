-- Dead letters that streams stand still for, oldest first. ?1 after which, ?2 how many
SELECT
    id, partition, aggregate_type, aggregate_id, position, event_type, error, attempts, since,
    last_attempt_at, request, discarded_at,
    (SELECT count(*) FROM annals_queued_event WHERE letter = id)
FROM annals_dead_letter
WHERE id > ?1 AND discarded_at IS NULL
ORDER BY id
LIMIT ?2;

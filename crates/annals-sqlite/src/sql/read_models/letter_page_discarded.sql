-- Dead letters that were discarded, oldest first. ?1 after which, ?2 how many
SELECT
    id, partition, aggregate_type, aggregate_id, position, event_type, error, attempts, since,
    last_attempt_at, request, discarded_at,
    0
FROM annals_dead_letter
WHERE id > ?1 AND discarded_at IS NOT NULL
ORDER BY id
LIMIT ?2;

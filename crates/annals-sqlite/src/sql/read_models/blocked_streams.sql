-- The streams of a partition that stand still. ?1 partition
SELECT aggregate_type, aggregate_id, id, position, request FROM annals_dead_letter
WHERE partition = ?1 AND discarded_at IS NULL
ORDER BY position;

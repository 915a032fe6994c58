-- The dead letter that a stream stands still for. ?1 aggregate type, ?2 aggregate id
SELECT id FROM annals_dead_letter
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND discarded_at IS NULL;

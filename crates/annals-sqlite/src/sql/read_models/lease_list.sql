-- What a worker has. ?1 worker
SELECT partition, fencing_token, position, event_id FROM annals_partition
WHERE worker = ?1
ORDER BY partition;

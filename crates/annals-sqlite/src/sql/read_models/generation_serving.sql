-- The generation that serves. ?1 projection
SELECT projection, number, version, partitions, log_id, state, created_at, comparison
FROM generation
WHERE projection = ?1 AND state = 'serving';

-- Locks a partition if the lease on it holds. $1 projection, $2 generation, $3 worker, $4
-- partition, $5 fencing token.
SELECT partition FROM annals_read.partition
WHERE projection = $1 AND generation = $2 AND worker_id = $3 AND partition = $4
    AND fencing_token = $5
FOR NO KEY UPDATE

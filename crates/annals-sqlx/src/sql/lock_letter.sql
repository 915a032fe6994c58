-- Locks the dead letter a stream of a partition stands still for. $1 letter, $2 projection,
-- $3 generation, $4 partition.
SELECT position, request::text FROM annals_read.dead_letter
WHERE id = $1 AND projection = $2 AND generation = $3 AND partition = $4 AND discarded_at IS NULL
FOR UPDATE

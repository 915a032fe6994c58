-- Gives back whatever a worker has. $1 projection, $2 generation, $3 worker.
UPDATE annals_read.partition
SET worker_id = NULL, leased_until = NULL, events_per_second = 0
WHERE projection = $1 AND generation = $2 AND worker_id = $3

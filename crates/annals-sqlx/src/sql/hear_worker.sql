-- Notes that a worker was heard of. $1 projection, $2 generation, $3 worker, $4 microseconds for
-- which it counts. No row if there is no such generation.
INSERT INTO annals_read.worker (projection, generation, worker_id, heard_until)
SELECT projection, number, $3, clock_timestamp() + $4 * interval '1 microsecond'
FROM annals_read.generation
WHERE projection = $1 AND number = $2
ON CONFLICT (projection, generation, worker_id) DO UPDATE SET heard_until = excluded.heard_until

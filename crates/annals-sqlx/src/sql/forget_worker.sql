-- A worker that has ended, and those that were not heard of for an hour, do not count any more.
-- $1 projection, $2 generation, $3 worker.
DELETE FROM annals_read.worker
WHERE projection = $1 AND generation = $2
    AND (worker_id = $3 OR heard_until < clock_timestamp() - interval '1 hour')

-- What a worker has, by number. $1 projection, $2 generation, $3 worker.
--
-- A row that the claim could not lock is shown as it was: the worker may be writing there, or
-- somebody is just taking it over. The latter begins only when the lease is over, so then it is not
-- shown.
SELECT partition, fencing_token, position, event_id FROM annals_read.partition
WHERE projection = $1 AND generation = $2 AND worker_id = $3
    AND leased_until > clock_timestamp()
ORDER BY partition

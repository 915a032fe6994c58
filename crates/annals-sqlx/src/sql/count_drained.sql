-- Counts events that were applied from a queue. $1 projection, $2 generation, $3 partition, $4 how
-- many.
UPDATE annals_read.partition
SET applied = applied + $4,
    leased_until = clock_timestamp() + lease_duration,
    last_error = NULL
WHERE projection = $1 AND generation = $2 AND partition = $3

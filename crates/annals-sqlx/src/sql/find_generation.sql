-- One generation. $1 projection, $2 number.
SELECT projection, number, version, partitions, log_id, state, created_at, comparison::text
FROM annals_read.generation
WHERE projection = $1 AND number = $2

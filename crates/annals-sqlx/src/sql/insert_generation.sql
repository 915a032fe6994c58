-- A new generation. $1 projection, $2 number, $3 version, $4 partitions, $5 log.
INSERT INTO annals_read.generation (projection, number, version, partitions, log_id, state)
VALUES ($1, $2, $3, $4, $5, 'building')
RETURNING projection, number, version, partitions, log_id, state, created_at, comparison::text

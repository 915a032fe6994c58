-- The partitions of a new generation, at the start. $1 projection, $2 number, $3 how many.
INSERT INTO annals_read.partition (projection, generation, partition)
SELECT $1, $2, series FROM generate_series(0, $3 - 1) AS series

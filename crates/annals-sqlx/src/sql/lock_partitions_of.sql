-- Stops the partitions of generations where they are, until the end of the transaction.
-- $1 projection, $2 numbers.
SELECT partition FROM annals_read.partition
WHERE projection = $1 AND generation = ANY ($2)
ORDER BY generation, partition
FOR NO KEY UPDATE

-- Forgets a generation, with its partitions, workers and dead letters. $1 projection, $2 number.
DELETE FROM annals_read.generation WHERE projection = $1 AND number = $2

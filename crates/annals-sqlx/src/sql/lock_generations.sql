-- Locks the generations of a projection, so that no other of them begins to serve or goes, until
-- the end of the transaction. $1 projection.
SELECT number, state FROM annals_read.generation
WHERE projection = $1
ORDER BY number
FOR NO KEY UPDATE

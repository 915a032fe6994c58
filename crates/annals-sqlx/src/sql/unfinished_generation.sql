-- The number of the generation that is being built or held, if there is one. $1 projection.
SELECT number FROM annals_read.generation
WHERE projection = $1 AND state IN ('building', 'held')

-- Keeps a comparison with a generation that is being built. $1 projection, $2 number, $3 the
-- comparison, $4 the state it is in from then on.
UPDATE annals_read.generation SET comparison = $3::json, state = $4
WHERE projection = $1 AND number = $2 AND state = 'building'

-- Asks for something to be done with a dead letter that blocks its stream. $1 letter, $2 what.
UPDATE annals_read.dead_letter SET request = $2::json WHERE id = $1 AND discarded_at IS NULL

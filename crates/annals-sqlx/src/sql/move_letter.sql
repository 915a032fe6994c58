-- Makes a dead letter be about the first event of its queue. $1 letter, $2 the event's position.
UPDATE annals_read.dead_letter SET position = $2 WHERE id = $1

-- Takes events off a queue. $1 letter, $2 the last position that is taken off.
DELETE FROM annals_read.queued_event WHERE letter_id = $1 AND position <= $2

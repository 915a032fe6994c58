-- Forgets a dead letter whose stream flows again. $1 letter.
DELETE FROM annals_read.dead_letter WHERE id = $1

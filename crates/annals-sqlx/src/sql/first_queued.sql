-- The first event of a queue. $1 letter.
SELECT min(position) FROM annals_read.queued_event WHERE letter_id = $1

-- Remembers that the request to discard a dead letter was followed. $1 letter.
UPDATE annals_read.dead_letter SET discarded_at = clock_timestamp() WHERE id = $1

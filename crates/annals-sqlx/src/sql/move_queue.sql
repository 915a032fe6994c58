-- Has a queue stand behind another dead letter. $1 the new letter, $2 the old one.
UPDATE annals_read.queued_event SET letter_id = $1 WHERE letter_id = $2

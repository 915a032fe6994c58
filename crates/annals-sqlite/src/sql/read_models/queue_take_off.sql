-- Takes events off the queue behind a dead letter. ?1 letter, ?2 the last of them
DELETE FROM annals_queued_event WHERE letter = ?1 AND position <= ?2;

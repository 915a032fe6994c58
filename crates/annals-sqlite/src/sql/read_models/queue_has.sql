-- Whether an event is queued behind a dead letter. ?1 letter, ?2 position
SELECT 1 FROM annals_queued_event WHERE letter = ?1 AND position = ?2;

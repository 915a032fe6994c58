-- The events queued behind a dead letter, in order. ?1 letter, ?2 how many
SELECT position FROM annals_queued_event WHERE letter = ?1 ORDER BY position LIMIT ?2;

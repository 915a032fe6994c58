-- The first event queued behind a dead letter, and its type. ?1 letter
SELECT position, event_type FROM annals_queued_event WHERE letter = ?1 ORDER BY position LIMIT 1;

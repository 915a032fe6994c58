-- The first event queued behind a dead letter. ?1 letter
SELECT min(position) FROM annals_queued_event WHERE letter = ?1;

-- Queues an event behind a dead letter that its stream stands still for. ?1 letter, ?2 position
INSERT INTO annals_queued_event (letter, position)
SELECT id, ?2 FROM annals_dead_letter
WHERE id = ?1 AND discarded_at IS NULL AND position < ?2;

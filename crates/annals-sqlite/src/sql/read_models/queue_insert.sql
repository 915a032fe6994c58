-- Queues an event behind a dead letter that its stream stands still for. ?1 letter, ?2 position,
-- ?3 event type
INSERT INTO annals_queued_event (letter, position, event_type)
SELECT id, ?2, ?3 FROM annals_dead_letter
WHERE id = ?1 AND discarded_at IS NULL AND position < ?2;

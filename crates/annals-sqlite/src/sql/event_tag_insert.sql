-- Enters the event just written under one of its tags.
-- ?1 tag, ?2 position, ?3 event type
INSERT OR ROLLBACK INTO event_tag (tag, position, event_type) VALUES (?1, ?2, ?3);

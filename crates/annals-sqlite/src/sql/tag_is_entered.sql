-- Whether an event is entered under a tag, with its type.
-- ?1 tag, ?2 position, ?3 event type
SELECT EXISTS (SELECT 1 FROM event_tag WHERE tag = ?1 AND position = ?2 AND event_type = ?3);

-- Moves a subscription on from where it is believed to be.
-- ?1 name, ?2 position, ?3 event id, ?4 position before, ?5 event id before
UPDATE subscription SET position = ?2, event_id = ?3
WHERE name = ?1 AND position = ?4 AND event_id IS ?5;

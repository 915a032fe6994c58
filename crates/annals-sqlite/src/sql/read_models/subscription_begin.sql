-- Enters a subscription that is not there yet. ?1 name, ?2 position, ?3 event id
INSERT INTO subscription (name, position, event_id) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO NOTHING;

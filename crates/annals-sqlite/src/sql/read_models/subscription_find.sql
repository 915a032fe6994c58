-- How far a subscription is. ?1 name
SELECT position, event_id FROM subscription WHERE name = ?1;

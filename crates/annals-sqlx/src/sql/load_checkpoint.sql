-- How far a subscription is. $1 name.
SELECT position, event_id FROM annals_read.subscription WHERE name = $1

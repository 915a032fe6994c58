-- How many commands claim events that the log does not have.
-- ?1 head
SELECT count(*) FROM command WHERE first_position + count - 1 > ?1;

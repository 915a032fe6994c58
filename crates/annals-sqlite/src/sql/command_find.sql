-- What a command led to.
-- ?1 command id
SELECT first_position, count FROM command WHERE command_id = ?1;

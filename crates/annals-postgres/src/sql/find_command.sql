-- What a command led to. $1 command id.
SELECT
    command.first_position,
    ARRAY(
        SELECT event.sequence
        FROM annals.event
        WHERE event.position >= command.first_position
            AND event.position < command.first_position + command.count
        ORDER BY event.position
    ) AS sequences
FROM annals.command
WHERE command.command_id = $1::uuid

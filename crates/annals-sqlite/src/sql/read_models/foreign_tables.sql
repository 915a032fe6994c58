-- The first table of the projection whose name begins as ours do, if there is one.
SELECT name FROM sqlite_schema
WHERE name LIKE 'annals\_%' ESCAPE '\'
AND name NOT IN (
    'annals_generation', 'annals_partition', 'annals_worker', 'annals_dead_letter',
    'annals_queued_event', 'annals_stream_stands_still_once', 'annals_dead_letter_partition'
)
ORDER BY name LIMIT 1;

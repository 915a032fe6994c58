-- Who keeps a session waiting. $1 process id of the session that waits.
SELECT
    activity.pid,
    activity.application_name,
    activity.state,
    host(activity.client_addr) AS address,
    extract(epoch FROM clock_timestamp() - activity.xact_start)::float8 AS seconds
FROM unnest(pg_blocking_pids($1::integer)) AS blocking (pid)
JOIN pg_stat_activity AS activity ON activity.pid = blocking.pid
ORDER BY activity.xact_start

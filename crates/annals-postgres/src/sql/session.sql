-- Settings of a session. $1 lock timeout, $2 statement timeout, $3 idle in transaction timeout, in
-- milliseconds.
SELECT
    pg_backend_pid() AS pid,
    set_config('lock_timeout', $1::text, false) AS lock_timeout,
    set_config('statement_timeout', $2::text, false) AS statement_timeout,
    set_config('idle_in_transaction_session_timeout', $3::text, false) AS idle_in_transaction,
    -- A connection of ours is idle for as long as nothing happens in the log.
    set_config('idle_session_timeout', '0', false) AS idle_session,
    -- A warning at commit means that standbys were not waited for; it must get through.
    set_config('client_min_messages', 'warning', false) AS messages,
    -- The plans do not depend on the values, and planning costs as much as running.
    set_config('plan_cache_mode', 'force_generic_plan', false) AS plans,
    set_config('jit', 'off', false) AS jit,
    -- A plan made while the log was small must do when it is large.
    set_config('enable_seqscan', 'off', false) AS sequential_scans

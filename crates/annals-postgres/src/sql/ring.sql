-- Wakes readers in other processes. By itself, never beside an append: at its commit a notification
-- takes a lock that the whole cluster shares.
SELECT pg_notify('annals', '')

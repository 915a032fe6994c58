-- Begins a transaction of a worker. It does not wait for the disk: a crash takes back rows and
-- checkpoint together. A process that is stopped in the middle of it must not keep its partitions,
-- and whoever waits for a row tries again later instead of waiting on.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL synchronous_commit TO off;
SET LOCAL idle_in_transaction_session_timeout TO '10s';
SET LOCAL lock_timeout TO '10s'

-- Begins a transaction that writes a batch. The level is said, because a database or a role may have
-- another default: under REPEATABLE READ the statement that checks would have the snapshot from
-- before the wait for the lock.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE

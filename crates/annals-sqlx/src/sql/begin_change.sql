-- Begins a transaction whose outcome must last: it waits for the disk as the server is set to.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL idle_in_transaction_session_timeout TO '10s';
SET LOCAL lock_timeout TO '10s'

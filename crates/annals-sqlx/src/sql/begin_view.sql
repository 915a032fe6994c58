-- Begins a transaction that sees one state of the database from its first statement on.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL idle_in_transaction_session_timeout TO '60s'

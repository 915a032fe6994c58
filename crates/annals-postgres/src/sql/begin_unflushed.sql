-- Begins a transaction that writes what may be lost: its commit does not wait for the flush.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit TO OFF

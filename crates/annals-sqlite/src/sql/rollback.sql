-- Ends a transaction and leaves no trace of it.
ROLLBACK;

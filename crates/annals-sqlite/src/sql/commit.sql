-- Ends a transaction and keeps what it wrote; for a batch this is the one flush.
COMMIT;

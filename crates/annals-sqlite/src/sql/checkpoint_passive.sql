-- Copies into the database file what no reader needs and no writer waits for: whether that was
-- refused, frames of the write-ahead log, those already copied.
PRAGMA wal_checkpoint(PASSIVE);

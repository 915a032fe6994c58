-- Looks at the write-ahead log: whether that was refused, its frames, those already copied.
PRAGMA wal_checkpoint(NOOP);

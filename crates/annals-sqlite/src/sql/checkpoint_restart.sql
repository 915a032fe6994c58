-- Copies everything, and has the next commit begin the write-ahead log anew: whether a reader was in
-- the way, frames, those already copied.
PRAGMA wal_checkpoint(RESTART);

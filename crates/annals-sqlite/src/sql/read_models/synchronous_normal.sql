-- The commits that follow are flushed when the write-ahead log is copied.
PRAGMA synchronous = NORMAL;

-- The commits that follow are flushed before they return.
PRAGMA synchronous = FULL;

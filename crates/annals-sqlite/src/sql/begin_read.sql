-- Begins one consistent view; it is taken by the first statement that reads.
BEGIN;

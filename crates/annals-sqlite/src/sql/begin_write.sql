-- Begins a batch as the only writer.
BEGIN IMMEDIATE;

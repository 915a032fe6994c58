-- Enters a command into the ledger. Fails with SQLITE_CONSTRAINT_TRIGGER if it is there already; the
-- transaction goes on.
-- ?1 command id, ?2 first position, ?3 count of events
INSERT OR FAIL INTO command (command_id, first_position, count) VALUES (?1, ?2, ?3);

-- Waits until no other writer is at work, and keeps them waiting until the end of the transaction.
SELECT head.log_id FROM annals.head FOR UPDATE

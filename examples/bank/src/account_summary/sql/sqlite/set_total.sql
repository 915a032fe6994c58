-- Replaces the total of a partition.
-- Binds: partition, balance, accounts.

UPDATE active_account_total
SET balance = ?2, accounts = ?3
WHERE partition_number = ?1;

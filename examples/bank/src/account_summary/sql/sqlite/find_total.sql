-- The total of a partition.
-- Binds: partition.

SELECT balance, accounts
FROM active_account_total
WHERE partition_number = ?1;

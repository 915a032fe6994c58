-- The totals of all partitions.

SELECT balance, accounts
FROM active_account_total
ORDER BY partition_number;

-- The totals of all partitions.

SELECT balance::text, accounts
FROM active_account_total
ORDER BY partition_number

-- Adds to the totals of partitions.
-- Binds, each an array: partition, balance as text, accounts.

UPDATE active_account_total AS total
SET balance = total.balance + change.balance::numeric,
    accounts = total.accounts + change.accounts
FROM UNNEST($1::integer[], $2::text[], $3::bigint[])
    AS change (partition_number, balance, accounts)
WHERE total.partition_number = change.partition_number

-- Makes the rows of all partitions, before any account is opened.
-- Binds: how many partitions.

INSERT INTO active_account_total (partition_number, balance, accounts)
SELECT partition_number, 0, 0
FROM generate_series(0, $1::integer - 1) AS partition (partition_number)

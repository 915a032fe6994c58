-- Makes the row of a partition, before any account is opened.
-- Binds: partition.

INSERT INTO active_account_total (partition_number, balance, accounts)
VALUES (?1, '0', 0);

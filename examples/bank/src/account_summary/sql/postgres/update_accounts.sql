-- Changes the rows of accounts.
-- Binds, each an array: account id, what its balance changes by, whether it was closed, updated at.

UPDATE account_query_model AS account
SET balance = account.balance + change.balance,
    is_active = account.is_active AND NOT change.is_closed,
    updated_at = change.updated_at
FROM UNNEST($1::text[], $2::bigint[], $3::boolean[], $4::timestamptz[])
    AS change (account_id, balance, is_closed, updated_at)
WHERE account.account_id = change.account_id

-- Changes the row of an account.
-- Binds: account id, what its balance changes by, whether it was closed, updated at.

UPDATE account_query_model
SET balance = balance + ?2,
    is_active = is_active AND NOT ?3,
    updated_at = ?4
WHERE account_id = ?1;

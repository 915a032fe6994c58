-- An account.
-- Binds: account id.

SELECT account_id, owner_name, balance, is_active, created_at, updated_at
FROM account_query_model
WHERE account_id = ?1;

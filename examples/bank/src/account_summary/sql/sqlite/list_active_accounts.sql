-- Active accounts from the newest on.
-- Binds: most rows.

SELECT account_id, owner_name, balance, is_active, created_at, updated_at
FROM account_query_model
WHERE is_active
ORDER BY created_at DESC, account_id DESC
LIMIT ?1;

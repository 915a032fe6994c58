-- Active accounts from a place in the list on.
-- Binds: most rows, created at and account id of the place.

SELECT account_id, owner_name, balance, is_active, created_at, updated_at
FROM account_query_model
WHERE is_active AND (created_at, account_id) < ($2, $3)
ORDER BY created_at DESC, account_id DESC
LIMIT $1

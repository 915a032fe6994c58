-- For the list of active accounts, newest first.

CREATE INDEX IF NOT EXISTS account_query_model_newest
ON account_query_model (created_at DESC, account_id DESC)
WHERE is_active;

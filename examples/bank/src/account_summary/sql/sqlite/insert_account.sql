-- Makes the row of an account that was opened.
-- Binds: account id, owner name, balance, whether it is active, opened at, updated at.

INSERT INTO account_query_model (
    account_id, owner_name, balance, is_active, created_at, updated_at
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- Makes the rows of accounts that were opened.
-- Binds, each an array: account id, owner name, balance, whether it is active, opened at,
-- updated at.

INSERT INTO account_query_model (
    account_id, owner_name, balance, is_active, created_at, updated_at
)
SELECT account_id, owner_name, balance, is_active, created_at, updated_at
FROM UNNEST(
    $1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[], $6::timestamptz[]
) AS opened (account_id, owner_name, balance, is_active, created_at, updated_at)

-- The tables of the read model. Times are microseconds since 1970.

CREATE TABLE account_query_model (
    account_id TEXT    NOT NULL PRIMARY KEY,
    owner_name TEXT    NOT NULL,
    balance    INTEGER NOT NULL CHECK (balance >= 0),
    is_active  INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (is_active OR balance = 0)
) STRICT, WITHOUT ROWID;

-- The balance is a decimal number as text: the sum of many accounts does not fit into 64 bits.
CREATE TABLE active_account_total (
    partition_number INTEGER NOT NULL PRIMARY KEY,
    balance          TEXT    NOT NULL,
    accounts         INTEGER NOT NULL CHECK (accounts >= 0)
) STRICT;

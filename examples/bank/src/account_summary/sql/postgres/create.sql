-- The tables of the read model.

-- "C": places in the list compare byte by byte, as everywhere else.
CREATE TABLE account_query_model (
    account_id text COLLATE "C" PRIMARY KEY,
    owner_name text NOT NULL,
    balance    bigint NOT NULL CHECK (balance >= 0),
    is_active  boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (is_active OR balance = 0)
);

-- numeric: the sum of many accounts does not fit into 64 bits.
CREATE TABLE active_account_total (
    partition_number integer PRIMARY KEY,
    balance          numeric(39, 0) NOT NULL,
    accounts         bigint NOT NULL CHECK (accounts >= 0)
);

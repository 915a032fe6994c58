-- Documents by key, and the values by which they are listed: numbers before texts, texts byte by
-- byte, as SQLite orders values of any type.
CREATE TABLE document (
    key  TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document_index (
    name  TEXT NOT NULL,
    value ANY  NOT NULL,
    key   TEXT NOT NULL,
    PRIMARY KEY (name, value, key)
) STRICT, WITHOUT ROWID;

-- The fields by which documents can be listed.
CREATE TABLE document_index_name (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

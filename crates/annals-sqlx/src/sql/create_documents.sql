-- The tables of a read model of documents. Plain names: they are made in the schema of a
-- generation.
--
-- json keeps a document to the letter. Names compare byte by byte.
CREATE TABLE document (
    key text COLLATE "C" PRIMARY KEY,
    body json NOT NULL
);

-- The fields by which documents can be listed.
CREATE TABLE document_index (
    name text COLLATE "C" PRIMARY KEY
);

-- Their values. Numbers come before texts: a number is (0, number, ''), a text (1, 0, text).
CREATE TABLE document_value (
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    number bigint NOT NULL,
    text text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, name)
);

CREATE INDEX document_value_order_idx ON document_value (name, kind, number, text, key);

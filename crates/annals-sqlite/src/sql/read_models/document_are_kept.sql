-- Whether the generation keeps documents.
SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'document_index_name';

-- What kind of file this is. Reads the first bytes of the file only.
PRAGMA application_id;

-- Whether the pages of the file and its indexes fit together; 'ok' or what is wrong with it.
PRAGMA integrity_check(1);

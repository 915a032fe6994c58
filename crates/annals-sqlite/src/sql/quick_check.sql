-- Whether the pages of the file fit together; 'ok' or what is wrong with it.
PRAGMA quick_check(1);

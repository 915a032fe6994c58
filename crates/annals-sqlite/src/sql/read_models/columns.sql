-- The columns of a table, in order, with their place in the primary key or 0. ?1 table
SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid;

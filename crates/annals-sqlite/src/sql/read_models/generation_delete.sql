-- Strikes out a generation. ?1 projection, ?2 number
DELETE FROM generation WHERE projection = ?1 AND number = ?2;

-- Says what a generation is for. ?1 projection, ?2 number, ?3 state
UPDATE generation SET state = ?3 WHERE projection = ?1 AND number = ?2;

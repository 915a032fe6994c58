-- Says which generation a new file is. ?1 projection, ?2 number
INSERT INTO annals_generation (one, projection, number) VALUES (1, ?1, ?2);

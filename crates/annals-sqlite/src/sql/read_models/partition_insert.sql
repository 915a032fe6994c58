-- Makes a partition, at the start of the log. ?1 partition
INSERT INTO annals_partition (partition) VALUES (?1);

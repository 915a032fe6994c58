-- Whether a lease still holds. ?1 partition, ?2 fencing token, ?3 worker, ?4 now
SELECT 1 FROM annals_partition
WHERE partition = ?1 AND fencing_token = ?2 AND worker = ?3 AND leased_until > ?4;

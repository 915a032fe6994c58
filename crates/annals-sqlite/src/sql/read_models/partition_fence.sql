-- Ends all leases for good.
UPDATE annals_partition
SET worker = NULL, leased_until = NULL, ttl = NULL, fencing_token = fencing_token + 1;

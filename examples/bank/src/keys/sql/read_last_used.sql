-- All times of last use.
SELECT key_id, used_at FROM bank_keys.last_used ORDER BY key_id

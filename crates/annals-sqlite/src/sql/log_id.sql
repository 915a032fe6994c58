-- The name of the log.
SELECT log_id FROM log;

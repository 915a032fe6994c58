-- Where the next events with a tag stand in the log.
-- ?1 tag, ?2 first position, ?3 last position, ?4 limit
SELECT position, event_type FROM event_tag
WHERE tag = ?1 AND position BETWEEN ?2 AND ?3
ORDER BY position LIMIT ?4;

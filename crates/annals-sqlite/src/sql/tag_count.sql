-- How many entries there are in the index of tags.
SELECT count(*) FROM event_tag;

-- Says that the generation is retired.
UPDATE annals_generation SET is_retired = 1;

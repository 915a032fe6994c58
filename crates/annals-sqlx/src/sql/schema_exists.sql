-- Whether any migration was ever applied.
SELECT to_regclass('annals_read.migration') IS NOT NULL

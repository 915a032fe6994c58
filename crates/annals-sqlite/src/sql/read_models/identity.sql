-- Which generation a file is.
SELECT projection, number, is_retired FROM annals_generation WHERE one = 1;

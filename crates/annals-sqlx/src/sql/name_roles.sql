-- Names the roles for the statements that give rights. $1 application, $2 reader.
SELECT
    set_config('annals.application_role', $1, false),
    set_config('annals.reader_role', $2, false)

-- What a generation is for from now on. $1 projection, $2 number, $3 state.
UPDATE annals_read.generation SET state = $3 WHERE projection = $1 AND number = $2

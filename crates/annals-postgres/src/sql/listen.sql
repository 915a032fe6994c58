-- Asks to be told when another process has rung.
LISTEN annals

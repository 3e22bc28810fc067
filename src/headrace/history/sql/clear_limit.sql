-- Takes a limit away.
DELETE FROM limits WHERE name = ?

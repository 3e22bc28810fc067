-- Adds pairs of states to the table that the state triggers look into.
INSERT INTO reachable (earlier, later) VALUES (?, ?)

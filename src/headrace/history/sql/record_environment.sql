-- Writes the packages that a process ran with, once.
INSERT INTO environments (digest, packages) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING

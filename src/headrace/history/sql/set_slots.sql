-- Sets how many slots there are of a name.
INSERT INTO limits (name, slots) VALUES (:name, :slots) ON CONFLICT (name) DO UPDATE SET slots = excluded.slots

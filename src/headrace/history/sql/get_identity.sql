-- What this history calls its folder among others in the same place.
SELECT id FROM identity

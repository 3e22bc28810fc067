-- Tokens were taken: the bucket will be full again at this time.
UPDATE limits SET full_at_ns = ? WHERE name = ?

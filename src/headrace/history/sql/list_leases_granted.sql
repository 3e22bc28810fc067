-- The leases that a process holds.
SELECT key FROM leases WHERE process = ? AND granted_us IS NOT NULL

-- The leases of one demand that wait, in the order of asking.
SELECT key FROM leases WHERE granted_us IS NULL AND demand = ? ORDER BY key

-- A lease is given back, or is not wanted any more.
DELETE FROM leases WHERE key = ?

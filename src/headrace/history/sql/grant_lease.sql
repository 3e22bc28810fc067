-- A lease that waited is held from now on.
UPDATE leases SET granted_us = ? WHERE key = ?

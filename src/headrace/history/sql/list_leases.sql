-- Who holds or waits for what, in the order of asking.
SELECT holder, demand, granted_us IS NOT NULL FROM leases ORDER BY key

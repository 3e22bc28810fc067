-- How many leases of each demand are held.
SELECT demand, count(*) FROM leases WHERE granted_us IS NOT NULL GROUP BY demand

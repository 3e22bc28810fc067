-- How many leases of each demand wait.
SELECT demand, count(*) FROM leases WHERE granted_us IS NULL GROUP BY demand

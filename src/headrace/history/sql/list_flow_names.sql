-- The names of all flows.
SELECT DISTINCT flow FROM flow_runs ORDER BY flow LIMIT :limit

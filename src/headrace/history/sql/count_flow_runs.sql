-- How many flow runs there are.
SELECT count(*) FROM flow_runs

-- How much there is.
SELECT (SELECT count(*) FROM flow_runs), (SELECT count(*) FROM task_runs), (SELECT count(*) FROM logs)

-- The files that results of the task runs of a flow run are in, up to one of them.
SELECT DISTINCT result_key FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND :last AND result_key IS NOT NULL

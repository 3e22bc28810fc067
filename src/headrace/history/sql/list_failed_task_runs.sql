-- The task runs of a flow run that failed or crashed themselves, as a resume names them, in the order of their submission.
SELECT task || '-' || task_index
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND state IN ('Failed', 'TimedOut', 'Crashed')
ORDER BY key
LIMIT :limit

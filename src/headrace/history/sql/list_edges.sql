-- Which task run of a flow run waited for which.
SELECT entry.value, task_runs.id
FROM task_runs, json_each(task_runs.upstreams) AS entry
WHERE task_runs.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND task_runs.upstreams IS NOT NULL
ORDER BY task_runs.key, entry.key

-- The task runs of a flow run by task and state: how many, the first, from when to when.
SELECT task, state, state_type, count(*), min(id), min(started_us), max(ended_us)
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
GROUP BY task, state
ORDER BY min(key)

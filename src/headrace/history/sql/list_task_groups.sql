-- The task runs of a flow run by task and state: how many, from when to when, how long in all, how many retries.
SELECT task, state, state_type, count(*), min(id), min(submitted_us), min(started_us), max(ended_us),
       coalesce(sum(ended_us - started_us), 0), sum(max(attempt_count - 1, 0))
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
GROUP BY task, state
ORDER BY min(key)

-- The keys of the first task runs of a flow run, and roughly the bytes of each.
SELECT key, 200 + coalesce(length(result), 0) + coalesce(length(parameters), 0) + coalesce(length(failure), 0)
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
ORDER BY key
LIMIT :limit

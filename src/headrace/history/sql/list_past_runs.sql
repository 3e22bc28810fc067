-- The task runs of a flow run in all its epochs, as a resume looks at them.
SELECT id, task, task_index, parent, state, upstreams, parameters, call_key, result_note
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
ORDER BY key

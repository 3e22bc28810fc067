-- The task runs of a flow run that wrote log lines, with their names.
SELECT id, task, coalesce(name, task || '-' || task_index)
FROM task_runs
WHERE key IN (SELECT (:flow_run << 32) + task_run FROM logs WHERE flow_run = :flow_run AND task_run IS NOT NULL)

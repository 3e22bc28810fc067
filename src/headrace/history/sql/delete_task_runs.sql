-- Deletes the task runs of a flow run, their results included.
DELETE FROM task_runs WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1

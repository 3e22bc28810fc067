-- Deletes the task runs of a flow run up to one of them, their results included.
DELETE FROM task_runs WHERE key BETWEEN :flow_run << 32 AND :last

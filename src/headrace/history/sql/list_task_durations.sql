-- Of every task run of a flow run the task, the state, and how long it ran if that is known.
SELECT task, state_type, ended_us - started_us
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1

-- How many task runs of a flow run did not start, for an upstream did not complete.
SELECT count(*) FROM task_runs
WHERE state = 'UpstreamFailed' AND key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1

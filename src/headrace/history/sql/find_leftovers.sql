-- The keys of flow runs that are gone, of which task runs or log lines are left. Hops from one flow run to the next.
WITH RECURSIVE
    of_task_runs (flow_run) AS (
        SELECT min(key) >> 32 FROM task_runs
        UNION ALL
        SELECT (SELECT min(key) >> 32 FROM task_runs WHERE key >= (of_task_runs.flow_run + 1) << 32)
        FROM of_task_runs WHERE of_task_runs.flow_run IS NOT NULL
    ),
    of_logs (flow_run) AS (
        SELECT min(flow_run) FROM logs
        UNION ALL
        SELECT (SELECT min(logs.flow_run) FROM logs WHERE logs.flow_run > of_logs.flow_run)
        FROM of_logs WHERE of_logs.flow_run IS NOT NULL
    )
SELECT flow_run FROM (SELECT flow_run FROM of_task_runs UNION SELECT flow_run FROM of_logs)
WHERE flow_run IS NOT NULL AND flow_run NOT IN (SELECT key FROM flow_runs)

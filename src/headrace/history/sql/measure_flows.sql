-- The flows that take most of the database: their runs, and roughly the bytes of those.
SELECT flow, count(*), sum(100 + coalesce(length(flow_runs.result), 0) + coalesce(of_tasks.bytes, 0)
                           + coalesce(of_logs.bytes, 0)) AS bytes
FROM flow_runs
LEFT JOIN (
    SELECT key >> 32 AS flow_run,
           sum(200 + coalesce(length(result), 0) + coalesce(length(parameters), 0)
               + coalesce(length(failure), 0)) AS bytes
    FROM task_runs GROUP BY 1
) AS of_tasks ON of_tasks.flow_run = flow_runs.key
LEFT JOIN (
    SELECT flow_run, sum(100 + length(message)) AS bytes FROM logs GROUP BY 1
) AS of_logs ON of_logs.flow_run = flow_runs.key
GROUP BY flow
ORDER BY bytes DESC, flow
LIMIT :limit

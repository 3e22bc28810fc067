-- Flow runs whose keys are in a JSON array: what lists show of them, how far their task runs and log lines go, and a number that
-- is another one with each change of the leases, while somebody of the run waits for one.
SELECT key,
       coalesce((SELECT max(task_runs.key) & 4294967295 FROM task_runs
                 WHERE task_runs.key BETWEEN flow_runs.key << 32 AND ((flow_runs.key + 1) << 32) - 1), 0),
       coalesce((SELECT max(logs.key) FROM logs WHERE logs.flow_run = flow_runs.key), 0),
       CASE WHEN EXISTS (SELECT * FROM leases
                         WHERE granted_us IS NULL AND (holder = flow_runs.id OR holder GLOB flow_runs.id || '/*'))
            THEN (SELECT sum(leases.key * (1 + (granted_us IS NOT NULL))) FROM leases)
            ELSE 0 END,
       id, kind, flow, name, state, state_type, created_us, started_us, ended_us, tags, parent,
       (SELECT json_group_object(state_type, task_count)
        FROM (SELECT state_type,
                     sum((SELECT count(*) FROM task_runs
                          WHERE task_runs.state = state_types.state
                              AND task_runs.key BETWEEN flow_runs.key << 32 AND ((flow_runs.key + 1) << 32) - 1
                         )) AS task_count
              FROM state_types GROUP BY state_type)
        WHERE task_count > 0) AS task_runs,
       json_extract(states, '$[#-1][2]') AS reason
FROM flow_runs
WHERE key IN (SELECT value FROM json_each(:keys))
ORDER BY key

-- The first flow runs that a flow run called itself, or that its task runs called, oldest first.
SELECT id, kind, flow, name, state, state_type, created_us, started_us, ended_us, tags, parent,
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
WHERE parent = :id OR (parent >= :first AND parent < :after)
ORDER BY created_us, key
LIMIT :limit

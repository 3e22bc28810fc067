-- The flow runs that a flow run called itself, or that its task runs called, oldest first.
SELECT id, kind, flow, name, state, state_type, created_us, started_us, ended_us, tags, parent,
       (SELECT json_group_object(state_type, task_count)
        FROM (SELECT state_type, count(*) AS task_count
              FROM task_runs WHERE flow_run = flow_runs.key GROUP BY state_type)) AS task_runs
FROM flow_runs
WHERE parent = :id OR (parent >= :first AND parent < :after)
ORDER BY created_us, key

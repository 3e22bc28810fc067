-- The flow runs that a person may mean: with this id, an id that begins so, or this name; newest first.
SELECT key, id, kind, flow, name, version, tags, state, state_type, states, created_us, started_us, ended_us,
       parent, task_runner, parameters, result_preview, result_note, failure, provenance, environment, epoch,
       (SELECT json_group_object(state_type, task_count)
        FROM (SELECT state_type, count(*) AS task_count
              FROM task_runs WHERE flow_run = flow_runs.key GROUP BY state_type)) AS task_runs
FROM flow_runs
WHERE (id >= :name AND id < :after) OR name = :name
ORDER BY created_us DESC, key DESC
LIMIT 100

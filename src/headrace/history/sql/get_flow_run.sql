-- The flow run of a whole id.
SELECT key, id, kind, flow, name, version, tags, state, state_type, states, created_us, started_us, ended_us,
       parent, task_runner, parameters, result_preview, result_note, failure, provenance, environment, epoch,
       (SELECT json_group_object(state_type, task_count)
        FROM (SELECT state_type,
                     sum((SELECT count(*) FROM task_runs
                          WHERE task_runs.state = state_types.state
                              AND task_runs.key BETWEEN flow_runs.key << 32 AND ((flow_runs.key + 1) << 32) - 1
                         )) AS task_count
              FROM state_types GROUP BY state_type)
        WHERE task_count > 0) AS task_runs,
       result_serializer, result_key, coalesce(result_size, length(result) - 4)
FROM flow_runs
WHERE id = :id

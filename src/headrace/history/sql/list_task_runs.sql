-- A page of the task runs of a flow run, in the order of their submission.
SELECT id, parent, task, task_index, name, tags, state, state_type, states, submitted_us, started_us, ended_us,
       attempt_count, attempts, upstreams, parameters, worker, result_preview, result_note, failure,
       result_serializer, result_key, coalesce(result_size, length(result) - 4), cached_from
FROM task_runs
WHERE key > (:flow_run << 32) + :after AND key < (:flow_run + 1) << 32
    AND (:state IS NULL OR state_type = upper(:state) OR lower(state) = lower(:state))
    AND (:task IS NULL OR task = :task)
ORDER BY key
LIMIT :limit

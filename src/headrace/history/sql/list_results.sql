-- What is stored of the values that task runs of a flow run gave: of all, or of those whose ids are in a JSON array.
SELECT id, task_index, coalesce(name, task || '-' || task_index), result, result_key, result_serializer,
       coalesce(result_size, length(result) - 4), task, upstreams, parameters, call_key
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (result IS NOT NULL OR result_key IS NOT NULL)
ORDER BY key

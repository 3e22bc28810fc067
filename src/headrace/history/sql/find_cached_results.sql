-- The task runs whose values count for a key, the latest first. Each is read from its row, not from the index alone: so a
-- damaged index leads to no other run's value.
SELECT found.key, found.id, found.task_index, found.flow_run, flow_runs.id, found.result, found.result_key,
       found.result_serializer, coalesce(found.result_size, length(found.result) - 4), found.result_preview,
       found.cache_expires_us, found.task, found.upstreams, found.parameters, found.call_key
FROM (SELECT key AS wanted FROM task_runs WHERE cache_key = :key) CROSS JOIN task_runs AS found NOT INDEXED
    JOIN flow_runs ON flow_runs.key = found.flow_run
WHERE found.key = wanted AND found.cache_key = :key AND found.state IN ('Completed', 'Replayed')
    AND (found.result IS NOT NULL OR found.result_key IS NOT NULL)
    AND (found.cache_expires_us IS NULL OR found.cache_expires_us > :now_us)
ORDER BY found.ended_us DESC, found.key DESC

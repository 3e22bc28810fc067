-- The results of a flow run's task runs that are not simply stored beside their runs: by task, and by how they are stored.
SELECT task, coalesce(result_serializer, 'pickle'), result_key IS NOT NULL, result_note, count(*),
       sum(coalesce(result_size, length(result) - 4, 0))
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
    AND (result_key IS NOT NULL OR result_serializer IS NOT NULL OR result_note IS NOT NULL)
GROUP BY task, result_serializer, result_key IS NOT NULL, result_note
ORDER BY min(key)

-- The task runs whose values count for a key, the latest first. The key is read from the row itself, not from the index: so a
-- damaged index leads to no other run's value.
SELECT found.key, found.id, found.cache_key, flow_runs.id, found.result, found.result_preview, found.cache_expires_us
FROM task_runs AS found JOIN flow_runs ON flow_runs.key = found.flow_run
WHERE found.key IN (SELECT key FROM task_runs WHERE cache_key = :key)
    AND +found.cache_key = :key AND found.state = 'Completed' AND found.result IS NOT NULL
    AND (found.cache_expires_us IS NULL OR found.cache_expires_us > :now_us)
ORDER BY found.ended_us DESC, found.key DESC

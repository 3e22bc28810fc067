-- Task runs that a graph shows one by one: those of the tasks of :shown, a JSON object of the greatest ids shown.
WITH shown AS MATERIALIZED (SELECT key AS task, value AS last_id FROM json_each(:shown))
SELECT id, task, substr(coalesce(name, task || '-' || task_index), 1, 200), state, state_type, started_us, ended_us
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND (:flow_run << 32) + :last_id AND task IN (SELECT task FROM shown)
    AND id <= (SELECT last_id FROM shown WHERE shown.task = task_runs.task)
ORDER BY key
LIMIT :limit

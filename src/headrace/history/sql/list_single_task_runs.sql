-- Task runs that a graph shows one by one: those of the tasks of :shown, a JSON object of the greatest ids shown. They lie in the
-- stretches of the JSON array :stretches, of objects of keys: what lies between these is not looked at.
WITH shown AS MATERIALIZED (SELECT key AS task, value AS last_id FROM json_each(:shown)),
     stretches AS MATERIALIZED (
         SELECT json_extract(value, '$.first') AS first, json_extract(value, '$.last') AS last FROM json_each(:stretches)
     )
SELECT id, task, substr(coalesce(name, task || '-' || task_index), 1, 200), state, state_type, started_us, ended_us
FROM stretches
CROSS JOIN task_runs ON task_runs.key BETWEEN stretches.first AND stretches.last
WHERE task IN (SELECT task FROM shown) AND id <= (SELECT last_id FROM shown WHERE shown.task = task_runs.task)
ORDER BY task_runs.key
LIMIT :limit

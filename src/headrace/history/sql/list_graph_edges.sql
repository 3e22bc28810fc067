-- Which task waited for which, each pair once; a task run of the JSON array :singles with its id, others with 0.
SELECT DISTINCT upstream.task, downstream.task,
       iif(entry.value IN (SELECT value FROM json_each(:singles)), entry.value, 0),
       iif(downstream.id IN (SELECT value FROM json_each(:singles)), downstream.id, 0)
FROM task_runs AS downstream
CROSS JOIN json_each(downstream.upstreams) AS entry
CROSS JOIN task_runs AS upstream ON upstream.key = (:flow_run << 32) + entry.value
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND downstream.upstreams IS NOT NULL
    AND typeof(entry.value) = 'integer'
LIMIT :limit

-- Which task waited for which, each pair once; a task run of the JSON array :singles with its id, others with 0. One that waited
-- for a task run of another flow run has the id of that flow run as outside. A value of json_each costs its parsing each time it
-- is named, so it is named once.
WITH singles AS MATERIALIZED (SELECT value AS id FROM json_each(:singles))
SELECT DISTINCT upstream.task, downstream.task,
       iif(upstream.id IN singles, upstream.id, 0), iif(downstream.id IN singles, downstream.id, 0),
       iif(entry.type = 'text', substr(entry.value, 1, instr(entry.value || '/', '/') - 1), NULL) AS outside
FROM task_runs AS downstream
CROSS JOIN json_each(downstream.upstreams) AS entry
LEFT JOIN task_runs AS upstream ON upstream.key = iif(entry.type = 'integer', (:flow_run << 32) + entry.value, -1)
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND downstream.upstreams IS NOT NULL
    AND (upstream.task IS NOT NULL OR entry.type = 'text')
LIMIT :limit

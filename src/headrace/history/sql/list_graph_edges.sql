-- Which task waited for which, each pair once; a task run of the JSON array :singles with its id,
-- others with 0. One that waited for a task run of another flow run has the id of that flow run as outside. A value of json_each
-- costs its parsing each time it is named, and an id its making, so both are named as seldom as can be.
WITH singles AS MATERIALIZED (SELECT (:flow_run << 32) + value AS key FROM json_each(:singles))
SELECT DISTINCT upstream.task, downstream.task,
       iif(upstream.key IN singles, upstream.key, 0) & 4294967295,
       iif(downstream.key IN singles, downstream.key, 0) & 4294967295,
       iif(upstream.key IS NULL, substr(entry.value, 1, instr(entry.value || '/', '/') - 1), NULL) AS outside
FROM task_runs AS downstream
CROSS JOIN json_each(downstream.upstreams) AS entry
LEFT JOIN task_runs AS upstream ON upstream.key = (:flow_run << 32) + entry.value AND entry.type = 'integer'
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND downstream.upstreams IS NOT NULL
    AND (upstream.key IS NOT NULL OR entry.type = 'text')
LIMIT :limit

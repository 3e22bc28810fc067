-- Who waited for whom, as a graph shows it, each pair once: a task run of the JSON array :singles as its id, any other as its
-- task. The last column says whether the upstream is outside: then it is the id of another flow run.
SELECT DISTINCT
    CASE WHEN typeof(entry.value) <> 'integer' THEN substr(entry.value, 1, instr(entry.value || '/', '/') - 1)
         WHEN entry.value IN (SELECT value FROM json_each(:singles)) THEN entry.value
         ELSE upstream.task END AS from_node,
    iif(downstream.id IN (SELECT value FROM json_each(:singles)), downstream.id, downstream.task) AS to_node,
    typeof(entry.value) <> 'integer' AS is_outside
FROM task_runs AS downstream
CROSS JOIN json_each(downstream.upstreams) AS entry
LEFT JOIN task_runs AS upstream
    ON typeof(entry.value) = 'integer' AND upstream.key = (:flow_run << 32) + entry.value
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND downstream.upstreams IS NOT NULL
    AND from_node IS NOT NULL AND (from_node <> to_node OR is_outside)
LIMIT :limit

-- Which task waited for which, each pair once. An upstream of one of the tasks in the JSON array :alone also has its
-- id, so that its runs are told apart; one of another flow run is its text.
SELECT DISTINCT downstream.task,
       CASE WHEN typeof(entry.value) = 'integer' THEN upstream.task ELSE entry.value END,
       CASE WHEN upstream.task IN (SELECT value FROM json_each(:alone)) THEN upstream.id END,
       typeof(entry.value) <> 'integer'
FROM task_runs AS downstream, json_each(downstream.upstreams) AS entry
LEFT JOIN task_runs AS upstream
    ON typeof(entry.value) = 'integer' AND upstream.key = (:flow_run << 32) + entry.value
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND downstream.upstreams IS NOT NULL

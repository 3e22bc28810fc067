-- Which task waited for task runs of which other flow run, each pair once; a task run of the JSON array :singles with its id,
-- others with 0.
SELECT DISTINCT substr(entry.value, 1, instr(entry.value || '/', '/') - 1), downstream.task,
       iif(downstream.id IN (SELECT value FROM json_each(:singles)), downstream.id, 0)
FROM task_runs AS downstream CROSS JOIN json_each(downstream.upstreams) AS entry
WHERE downstream.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
    AND instr(downstream.upstreams, '"') AND typeof(entry.value) = 'text'
LIMIT :limit

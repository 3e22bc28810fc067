-- Task runs whose names hold a text, or the message of their failure; the latest first. Of a task whose own name holds it only
-- the first run counts, and those with names of their own.
SELECT place, flow_runs.id, flow_runs.name, flow_runs.flow, flow_runs.state, flow_runs.state_type, found.id, at_us, is_named,
       iif(is_named, found.name, message)
FROM (SELECT key AS place, id, flow_run, coalesce(name, task || '-' || task_index) AS name, submitted_us AS at_us,
             coalesce(name, task || '-' || task_index) LIKE :pattern ESCAPE '\'
                 AND (name IS NOT NULL OR task_index = 0 OR task NOT LIKE :pattern ESCAPE '\') AS is_named,
             iif(failure IS NULL, NULL, failure ->> 'message') AS message
      FROM task_runs
      WHERE key > :floor AND key < :before) AS found
CROSS JOIN flow_runs ON flow_runs.key = found.flow_run
WHERE is_named OR message LIKE :pattern ESCAPE '\'
ORDER BY place DESC
LIMIT :limit

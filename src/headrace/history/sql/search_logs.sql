-- Log lines whose messages hold a text, the latest first.
SELECT logs.key, flow_runs.id, flow_runs.name, flow_runs.flow, flow_runs.state, flow_runs.state_type, logs.task_run,
       logs.at_us, 0, logs.message
FROM logs CROSS JOIN flow_runs ON flow_runs.key = logs.flow_run
WHERE logs.key > :floor AND logs.key < :before AND logs.message LIKE :pattern ESCAPE '\'
ORDER BY logs.key DESC
LIMIT :limit

-- What task runs of a flow run are called and how they stand: those whose ids are in the JSON array :ids.
SELECT id, coalesce(name, task || '-' || task_index), state, state_type, ended_us
FROM task_runs
WHERE key IN (SELECT (:flow_run << 32) + value FROM json_each(:ids))
ORDER BY key

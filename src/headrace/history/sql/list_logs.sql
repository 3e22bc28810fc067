-- Log lines of a flow run in their order of arrival: of one of its task runs, or all.
SELECT key, task_run, at_us, level, logger, message
FROM logs
WHERE flow_run = :flow_run AND key > :after_key AND (:task_run IS NULL OR task_run = :task_run)
    AND level >= :min_level
ORDER BY key
LIMIT :limit

-- The first log lines in a stretch of a flow run, with the names of their task runs. Task run 0 stands for the flow itself.
SELECT logs.key, logs.task_run, coalesce(task_runs.name, task_runs.task || '-' || task_runs.task_index),
       logs.at_us, logs.level, logs.logger, logs.message
FROM logs LEFT JOIN task_runs ON task_runs.key = (:flow_run << 32) + logs.task_run
WHERE logs.flow_run = :flow_run AND logs.key BETWEEN :first AND :last AND logs.level >= :min_level
    AND (:task_run IS NULL OR coalesce(logs.task_run, 0) = :task_run)
    AND (:pattern IS NULL OR logs.message LIKE :pattern ESCAPE '\')
ORDER BY logs.key
LIMIT :limit

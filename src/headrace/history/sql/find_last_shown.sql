-- The greatest id among the first :limit task runs of a task.
SELECT max(id)
FROM (SELECT id FROM task_runs
      WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND task = :task
      ORDER BY key LIMIT :limit)

-- Has values count no more: all, or those of a task, or those that were made before a time. What the runs gave stays with them.
UPDATE task_runs SET cache_key = NULL
WHERE key IN (SELECT key FROM task_runs WHERE cache_key IS NOT NULL AND state IN ('Completed', 'Replayed'))
    AND (result IS NOT NULL OR result_key IS NOT NULL)  -- else there is no value, and none is listed
    AND (:task IS NULL OR task = :task) AND (:before_us IS NULL OR ended_us < :before_us)

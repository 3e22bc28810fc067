-- What is cached, by task: how many values, how large, how many of them have expired, and from when to when they were made.
SELECT task, count(*), coalesce(sum(coalesce(result_size, length(result) - 4)), 0),
       sum(cache_expires_us IS NOT NULL AND cache_expires_us <= :now_us), min(ended_us), max(ended_us)
FROM task_runs
WHERE cache_key IS NOT NULL AND state IN ('Completed', 'Replayed') AND (result IS NOT NULL OR result_key IS NOT NULL)
    AND (:task IS NULL OR task = :task) AND (:before_us IS NULL OR ended_us < :before_us)
GROUP BY task
ORDER BY task

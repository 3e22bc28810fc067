-- When the last task run was submitted of the next :limit that were from :after_us on.
SELECT submitted_us
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND submitted_us >= :after_us
ORDER BY submitted_us
LIMIT 1 OFFSET :limit

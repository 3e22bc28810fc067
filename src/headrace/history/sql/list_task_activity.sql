-- When the runs of each task ran: how many began in one slice of time and ended in another, slices of :step µs from :origin on.
SELECT task, (started_us - :origin) / :step, (coalesce(ended_us, :now) - :origin) / :step, count(*)
FROM task_runs
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND started_us IS NOT NULL
GROUP BY 1, 2, 3

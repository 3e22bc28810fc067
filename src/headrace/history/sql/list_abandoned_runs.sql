-- The flow runs that a process that is gone has left under way: how they stand, when they were first started, and
-- their last log lines.
SELECT key, id, states, coalesce(started_us, created_us),
       (SELECT message FROM logs WHERE logs.flow_run = flow_runs.key ORDER BY logs.key DESC LIMIT 1)
FROM flow_runs
WHERE process = :process AND ended_us IS NULL

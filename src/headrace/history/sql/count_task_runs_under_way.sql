-- Task runs that have not ended, by type of state.
SELECT state_type,
       sum((SELECT count(*) FROM task_runs WHERE task_runs.state = state_types.state))
FROM state_types
WHERE state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
GROUP BY state_type
ORDER BY state_type

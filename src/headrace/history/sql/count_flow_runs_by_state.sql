-- Flow runs counted by flow and type of state, and when the last of each kind was created and ended.
SELECT flow, state_type, count(*), max(created_us), max(ended_us)
FROM flow_runs
WHERE kind = 'flow'
GROUP BY flow, state_type
ORDER BY flow, state_type
LIMIT :limit

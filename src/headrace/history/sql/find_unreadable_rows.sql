-- Rows that no version of Headrace has written: their states have no name, or what should be JSON is none.
SELECT 'flow run ' || id, 'flow_runs' FROM flow_runs
WHERE state_type IS NULL OR NOT json_valid(states) OR NOT json_valid(coalesce(tags, '[]'))
    OR NOT json_valid(coalesce(failure, '{}')) OR NOT json_valid(coalesce(provenance, '{}'))
    OR json_extract(iif(json_valid(states), states, '[[]]'), '$[#-1][0]') IS NOT state
UNION ALL
SELECT 'task run ' || id || ' of flow run number ' || flow_run, 'task_runs' FROM task_runs
WHERE state_type IS NULL OR NOT json_valid(states) OR NOT json_valid(coalesce(tags, '[]'))
    OR NOT json_valid(coalesce(failure, '{}')) OR NOT json_valid(coalesce(upstreams, '[]'))
    OR NOT json_valid(coalesce(attempts, '[]'))
    OR json_extract(iif(json_valid(states), states, '[[]]'), '$[#-1][0]') IS NOT state
LIMIT :limit

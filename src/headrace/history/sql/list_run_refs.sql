-- What flow runs are called and how they stand: those whose ids are in the JSON array :ids.
SELECT id, flow || ' / ' || name, state, state_type, ended_us
FROM flow_runs
WHERE id IN (SELECT value FROM json_each(:ids))

-- The last runs of each flow, the oldest of them first.
SELECT flow, id, name, state, state_type, created_us, ended_us - started_us
FROM (SELECT flow, id, name, state, state_type, created_us, started_us, ended_us, key,
             row_number() OVER (PARTITION BY flow ORDER BY created_us DESC, key DESC) AS age
      FROM flow_runs
      WHERE kind = 'flow')
WHERE age <= :limit
ORDER BY created_us, key

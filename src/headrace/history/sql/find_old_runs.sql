-- The flow runs that nobody called and that ended before a moment, without the newest :keep of each flow, oldest first.
SELECT id, flow
FROM (
    SELECT id, key, flow, created_us, ended_us,
           row_number() OVER (PARTITION BY flow ORDER BY created_us DESC, key DESC) AS place
    FROM flow_runs WHERE parent IS NULL
)
WHERE ended_us < :before_us AND place > :keep
ORDER BY created_us, key

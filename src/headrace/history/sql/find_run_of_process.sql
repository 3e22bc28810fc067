-- The first flow run of a flow that a process of this machine has begun since a time, and that no other run called.
SELECT flow_runs.id
FROM flow_runs JOIN processes ON processes.key = flow_runs.process
WHERE flow_runs.created_us >= :since_us AND flow_runs.flow = :flow AND flow_runs.parent IS NULL
    AND processes.pid = :pid AND processes.host = :host
ORDER BY flow_runs.created_us, flow_runs.key
LIMIT 1

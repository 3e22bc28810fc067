-- Who has a flow run now: the epoch, how it stands, and the process.
SELECT flow_runs.key, flow_runs.epoch, flow_runs.state, flow_runs.ended_us IS NOT NULL, processes.pid, processes.host
FROM flow_runs LEFT JOIN processes ON processes.key = flow_runs.process
WHERE flow_runs.id = ?

-- How a flow run stands: how it ended or not, and who has it.
SELECT flow_runs.key, id, flow, name, state, state_type, json_extract(states, '$[#-1][2]'), epoch, parent,
       automatic_resumes, started_us,
       pid, host, boot_id, pid_namespace, born, heartbeat_us, heartbeat_awake_us, ended_us IS NOT NULL
FROM flow_runs LEFT JOIN processes ON processes.key = flow_runs.process
WHERE id = ?

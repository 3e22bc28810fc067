-- Writes the process that claims flow runs, once a process, and gives its key.
INSERT INTO processes (pid, host, boot_id, pid_namespace, born, claimed_us, heartbeat_us, heartbeat_awake_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
RETURNING key

-- Who works out the value of a key, and what tells that process from others.
SELECT claims.process, claims.holder, pid, host, boot_id, pid_namespace, born, heartbeat_us, heartbeat_awake_us
FROM cache_claims AS claims LEFT JOIN processes ON processes.key = claims.process
WHERE claims.key = :key

-- The processes that claimed what has not ended, or hold or wait for a part of a limit, but for one.
SELECT key, pid, host, boot_id, pid_namespace, born, heartbeat_us, heartbeat_awake_us
FROM processes
WHERE key IN (SELECT process FROM flow_runs WHERE ended_us IS NULL AND process IS NOT NULL
              UNION SELECT process FROM leases)
    AND key IS NOT :me

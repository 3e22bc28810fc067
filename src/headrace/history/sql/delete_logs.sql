-- Deletes some log lines of a flow run and of its task runs.
DELETE FROM logs WHERE key IN (SELECT key FROM logs WHERE flow_run = :flow_run LIMIT :limit)

-- Deletes one flow run itself.
DELETE FROM flow_runs WHERE key = :flow_run

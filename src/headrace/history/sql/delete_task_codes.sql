-- Deletes by which digests the code of a flow run's tasks was known.
DELETE FROM task_codes WHERE flow_run = :flow_run

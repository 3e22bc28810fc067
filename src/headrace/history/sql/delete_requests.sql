-- Deletes what other processes asked of a flow run.
DELETE FROM requests WHERE flow_run = :flow_run

-- The pickled arguments of a flow run.
SELECT arguments FROM flow_runs WHERE key = :flow_run

-- The pickled arguments of a flow run, or the key of the file in which they are.
SELECT arguments, arguments_key FROM flow_runs WHERE key = :flow_run

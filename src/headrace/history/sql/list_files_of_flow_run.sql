-- The file that the result of a flow run itself is in, if it is in one.
SELECT result_key FROM flow_runs WHERE key = :flow_run AND result_key IS NOT NULL

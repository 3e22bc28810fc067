-- The files that the result of a flow run itself and its arguments are in, if they are in any.
SELECT key FROM (SELECT result_key AS key FROM flow_runs WHERE key = :flow_run
                 UNION SELECT arguments_key FROM flow_runs WHERE key = :flow_run)
WHERE key IS NOT NULL

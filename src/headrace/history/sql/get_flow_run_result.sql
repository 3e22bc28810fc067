-- What is stored of the value that a flow run gave; the size is NULL if nothing is.
SELECT result, result_key, result_serializer, coalesce(result_size, length(result) - 4)
FROM flow_runs
WHERE key = :flow_run

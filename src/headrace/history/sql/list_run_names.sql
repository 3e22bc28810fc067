-- Every flow run by its key, with its id and its name.
SELECT key, id, name FROM flow_runs ORDER BY key

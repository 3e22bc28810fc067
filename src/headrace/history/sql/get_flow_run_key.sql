-- The key of the flow run of a whole id.
SELECT key FROM flow_runs WHERE id = :id

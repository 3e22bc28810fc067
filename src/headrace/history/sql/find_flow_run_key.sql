-- The key of a flow run that another process, or an earlier moment of this one, wrote.
SELECT key FROM flow_runs WHERE id = ?

-- The subflows that a flow run, or one of its task runs, called: by what a resume knows their calls.
SELECT id, parent, flow, call_key, state_type
FROM flow_runs
WHERE parent = :id OR (parent > :id || '/' AND parent < :id || '0')
ORDER BY created_us, key

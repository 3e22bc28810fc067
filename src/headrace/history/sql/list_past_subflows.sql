-- The subflows that a flow run, or one of its task runs, called: by what a resume knows their calls.
SELECT id, parent, flow, call_key, state_type
FROM flow_runs
WHERE parent = :id OR (parent > :first AND parent < :after)
ORDER BY created_us, key

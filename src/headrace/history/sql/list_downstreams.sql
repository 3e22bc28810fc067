-- The first task runs of a flow run that waited for one of its task runs, which was submitted before them; and how many there are.
SELECT id, coalesce(name, task || '-' || task_index), state, state_type, ended_us, count(*) OVER ()
FROM task_runs
WHERE key > (:flow_run << 32) + :id AND key < (:flow_run + 1) << 32 AND upstreams IS NOT NULL
    AND (upstreams = '[' || :id || ']'
         OR (instr(upstreams, :id) AND EXISTS (SELECT 1 FROM json_each(upstreams) WHERE value = :id)))
ORDER BY key
LIMIT :limit

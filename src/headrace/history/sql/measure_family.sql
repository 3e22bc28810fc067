-- How much a flow run and its subflows are: flow runs, task runs, log lines, and roughly the bytes of all.
WITH RECURSIVE family (key, id) AS (
    SELECT key, id FROM flow_runs WHERE id = ?
    UNION
    SELECT child.key, child.id
    FROM family JOIN flow_runs AS child
        ON child.parent = family.id OR (child.parent > family.id || '/' AND child.parent < family.id || '0')
)
SELECT count(*),
       sum((SELECT count(*) FROM task_runs
            WHERE task_runs.key BETWEEN family.key << 32 AND ((family.key + 1) << 32) - 1)),
       sum((SELECT count(*) FROM logs WHERE logs.flow_run = family.key)),
       coalesce(sum((SELECT sum(200 + coalesce(length(result), 0) + coalesce(result_size, 0) + coalesce(length(parameters), 0)
                                + coalesce(length(failure), 0))
                     FROM task_runs
                     WHERE task_runs.key BETWEEN family.key << 32 AND ((family.key + 1) << 32) - 1)), 0)
       + coalesce(sum((SELECT sum(100 + length(message)) FROM logs WHERE logs.flow_run = family.key)), 0)
FROM family

-- A page of what happened to a flow run and its task runs, in the order of time; behind the place of :after_us, :after_task_run
-- and :after_position. The flow run itself stands as task run 0. Plain task runs have their states as columns.
SELECT change.at_us, change.task_run, change.position, change.state, change.reason, change.epoch,
       coalesce(substr(task_runs.name, 1, 500), substr(task_runs.task, 1, 500) || '-' || task_runs.task_index)
FROM (
    SELECT submitted_us AS at_us, id AS task_run, 0 AS position, 'Pending' AS state, NULL AS reason, epoch
    FROM task_runs
    WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND detour IS NULL AND submitted_us >= :after_us
    UNION ALL
    SELECT started_us, id, 1, 'Running', NULL, epoch
    FROM task_runs
    WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND detour IS NULL AND started_us >= :after_us
    UNION ALL
    SELECT ended_us, id, 2, 'Completed', NULL, epoch
    FROM task_runs
    WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND detour IS NULL AND ended_us >= :after_us
    UNION ALL
    SELECT entry.value ->> 1, task_runs.id, entry.key, entry.value ->> 0, entry.value ->> 2, task_runs.epoch
    FROM task_runs, json_each(task_runs.detour) AS entry
    WHERE task_runs.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND task_runs.detour IS NOT NULL
        AND entry.value ->> 1 >= :after_us
    UNION ALL
    SELECT entry.value ->> 1, task_runs.id, entry.key - 1000000, entry.value ->> 0, entry.value ->> 2, past.value ->> 'epoch'
    FROM task_runs, json_each(task_runs.earlier) AS past, json_each(past.value, '$.states') AS entry
    WHERE task_runs.key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND task_runs.earlier IS NOT NULL
        AND entry.value ->> 1 >= :after_us
    UNION ALL
    SELECT entry.value ->> 1, 0, entry.key, entry.value ->> 0, entry.value ->> 2, flow_runs.epoch
    FROM flow_runs, json_each(flow_runs.states) AS entry
    WHERE flow_runs.key = :flow_run AND entry.value ->> 1 >= :after_us
    UNION ALL
    SELECT entry.value ->> 1, 0, entry.key - 1000000, entry.value ->> 0, entry.value ->> 2, past.value ->> 'epoch'
    FROM flow_runs, json_each(flow_runs.earlier) AS past, json_each(past.value, '$.states') AS entry
    WHERE flow_runs.key = :flow_run AND entry.value ->> 1 >= :after_us
) AS change
LEFT JOIN task_runs ON task_runs.key = (:flow_run << 32) + change.task_run
WHERE change.at_us > :after_us OR change.task_run > :after_task_run
    OR (change.task_run = :after_task_run AND change.position > :after_position)
ORDER BY change.at_us, change.task_run, change.position
LIMIT :limit

-- A page of what happened to a flow run and its task runs until :until_us, in the order of time; behind the place of :after_us,
-- :after_task_run and :after_position. The flow run itself stands as task run 0. Plain task runs have their states as columns;
-- what happened in earlier epochs comes before what did in the present one.
WITH candidates AS MATERIALIZED (
    SELECT id, epoch, submitted_us, started_us, ended_us, detour, earlier
    FROM task_runs
    WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
        AND (submitted_us BETWEEN :after_us AND :until_us OR started_us BETWEEN :after_us AND :until_us
             OR ended_us BETWEEN :after_us AND :until_us OR earlier IS NOT NULL
             OR (detour IS NOT NULL AND submitted_us <= :until_us AND json_extract(detour, '$[#-1][1]') >= :after_us))
),
changes AS (
    SELECT submitted_us AS at_us, id AS task_run, 0 AS position, 'Pending' AS state, NULL AS reason, epoch
    FROM candidates WHERE detour IS NULL
    UNION ALL
    SELECT started_us, id, 1, 'Running', NULL, epoch FROM candidates WHERE detour IS NULL
    UNION ALL
    SELECT ended_us, id, 2, 'Completed', NULL, epoch FROM candidates WHERE detour IS NULL
    UNION ALL
    SELECT entry.value ->> 1, candidates.id, entry.key, entry.value ->> 0, entry.value ->> 2, candidates.epoch
    FROM candidates, json_each(detour) AS entry
    WHERE detour IS NOT NULL
    UNION ALL
    SELECT entry.value ->> 1, candidates.id, entry.key - 1000000, entry.value ->> 0, entry.value ->> 2, past.value ->> 'epoch'
    FROM candidates, json_each(earlier) AS past, json_each(past.value, '$.states') AS entry
    WHERE earlier IS NOT NULL
    UNION ALL
    SELECT entry.value ->> 1, 0, entry.key, entry.value ->> 0, entry.value ->> 2, flow_runs.epoch
    FROM flow_runs, json_each(flow_runs.states) AS entry
    WHERE flow_runs.key = :flow_run
    UNION ALL
    SELECT entry.value ->> 1, 0, entry.key - 1000000, entry.value ->> 0, entry.value ->> 2, past.value ->> 'epoch'
    FROM flow_runs, json_each(flow_runs.earlier) AS past, json_each(past.value, '$.states') AS entry
    WHERE flow_runs.key = :flow_run AND earlier IS NOT NULL
)
SELECT at_us, task_run, position, changes.state, reason, changes.epoch,
       coalesce(substr(task_runs.name, 1, 500), substr(task_runs.task, 1, 500) || '-' || task_runs.task_index)
FROM changes LEFT JOIN task_runs ON task_runs.key = (:flow_run << 32) + task_run
WHERE at_us BETWEEN :after_us AND :until_us
    AND (at_us > :after_us OR task_run > :after_task_run
         OR (task_run = :after_task_run AND position > :after_position))
ORDER BY at_us, task_run, position
LIMIT :limit

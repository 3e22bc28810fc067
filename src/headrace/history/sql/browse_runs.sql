-- A page of flow runs, newest first, each with its key and how many task runs of each state type it has. A NULL filter lets
-- all pass; the page begins behind the run of :before_us and :before_key.
SELECT key, id, kind, flow, name, state, state_type, created_us, started_us, ended_us, tags, parent,
       (SELECT json_group_object(state_type, task_count)
        FROM (SELECT state_type,
                     sum((SELECT count(*) FROM task_runs
                          WHERE task_runs.state = state_types.state
                              AND task_runs.key BETWEEN flow_runs.key << 32 AND ((flow_runs.key + 1) << 32) - 1
                         )) AS task_count
              FROM state_types GROUP BY state_type)
        WHERE task_count > 0) AS task_runs,
       json_extract(states, '$[#-1][2]') AS reason
FROM flow_runs
WHERE created_us BETWEEN :since_us AND :before_us AND created_us < :until_us
    AND (created_us < :before_us OR key < :before_key)
    AND (:state IS NULL OR state_type = :state OR state = :state)
    AND (:flow IS NULL OR flow = :flow)
    AND (:text IS NULL OR instr(lower(name), lower(:text)) OR instr(lower(flow), lower(:text)))
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))
    AND (NOT :roots_only OR parent IS NULL)
ORDER BY created_us DESC, key DESC
LIMIT :limit

-- Task runs of a flow run as columns: one JSON object of arrays, times in µs after :base_us. Names of tasks, states and workers
-- stand once, and the columns have their places. A NULL :changed_since_us lets all pass.
WITH page AS MATERIALIZED (
    SELECT id, task, task_index, parent, state, submitted_us, started_us, ended_us, worker, attempt_count,
           substr(name, 1, 500) AS name, iif(attempt_count > 1, attempts, NULL) AS attempts
    FROM task_runs
    WHERE key > (:flow_run << 32) + :after AND key < (:flow_run + 1) << 32
        AND (:changed_since_us IS NULL OR ended_us IS NULL OR ended_us >= :changed_since_us
             OR submitted_us >= :changed_since_us
             OR (detour IS NOT NULL AND json_extract(detour, '$[#-1][1]') >= :changed_since_us))
    ORDER BY key
    LIMIT :limit
),
tasks AS MATERIALIZED (
    SELECT task, row_number() OVER (ORDER BY min(id)) - 1 AS place FROM page GROUP BY task
),
states AS MATERIALIZED (
    SELECT state, row_number() OVER (ORDER BY min(id)) - 1 AS place FROM page GROUP BY state
),
workers AS MATERIALIZED (
    SELECT worker, row_number() OVER (ORDER BY min(id)) - 1 AS place FROM page WHERE worker IS NOT NULL GROUP BY worker
),
placed AS (
    SELECT page.*, tasks.place AS task_place, states.place AS state_place, workers.place AS worker_place
    FROM page JOIN tasks USING (task) JOIN states USING (state) LEFT JOIN workers USING (worker)
)
SELECT json_object(
    'as_of_us', :now_us,
    'base_us', :base_us,
    'tasks', (SELECT json_group_array(substr(task, 1, 500)) FROM (SELECT task FROM tasks ORDER BY place)),
    'states', (SELECT json_group_array(state) FROM (SELECT state FROM states ORDER BY place)),
    'workers', (SELECT json_group_array(substr(worker, 1, 500)) FROM (SELECT worker FROM workers ORDER BY place)),
    'id', json_group_array(id),
    'task', json_group_array(task_place),
    'index', json_group_array(task_index),
    'parent', json_group_array(parent),
    'state', json_group_array(state_place),
    'submitted', json_group_array(submitted_us - :base_us),
    'started', json_group_array(started_us - :base_us),
    'ended', json_group_array(ended_us - :base_us),
    'worker', json_group_array(worker_place),
    'attempts', json_group_array(attempt_count),
    'name', json_group_object(id, name) FILTER (WHERE name IS NOT NULL),
    'retries', json_group_object(id, (
        SELECT json_group_array(json_array(value ->> 'started_us' - :base_us, value ->> 'ended_us' - :base_us))
        FROM (SELECT value FROM json_each(attempts) WHERE key < 1000 ORDER BY key)
    )) FILTER (WHERE attempts IS NOT NULL),
    'next_after', iif(count(*) = :limit, max(id), NULL)
)
FROM (SELECT * FROM placed ORDER BY id)

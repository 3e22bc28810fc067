-- Who waited for whom in a flow run, as columns. A place is a downstream's id and how many of its upstreams were told, as one
-- number: the page begins behind :after.
WITH page AS MATERIALIZED (
    SELECT entry.value AS upstream, task_runs.id AS downstream, (task_runs.id << 20) + entry.key + 1 AS place
    FROM task_runs, json_each(task_runs.upstreams) AS entry
    WHERE task_runs.key >= (:flow_run << 32) + (:after >> 20) AND task_runs.key < (:flow_run + 1) << 32
        AND task_runs.upstreams IS NOT NULL AND (task_runs.id << 20) + entry.key + 1 > :after
    ORDER BY task_runs.key, entry.key
    LIMIT :limit
)
SELECT json_object(
    'upstream', json_group_array(iif(typeof(upstream) = 'text', substr(upstream, 1, 200), upstream)),
    'downstream', json_group_array(downstream),
    'next_after', iif(count(*) = :limit, max(place), NULL)
)
FROM page

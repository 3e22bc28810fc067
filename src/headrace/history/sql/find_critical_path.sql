-- From the task run of a flow run that ended last back over the upstream that ended last, and so on. An upstream was submitted
-- before what waits for it, so the way has an end.
WITH RECURSIVE path (id, upstreams) AS (
    SELECT id, upstreams
    FROM (SELECT id, upstreams, max(coalesce(ended_us, :now_us))
          FROM task_runs
          WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1 AND started_us IS NOT NULL)
    WHERE id IS NOT NULL
    UNION ALL
    SELECT earlier.id, earlier.upstreams
    FROM path JOIN task_runs AS earlier ON earlier.key = (
        SELECT upstream.key
        FROM json_each(path.upstreams) AS entry
        JOIN task_runs AS upstream ON upstream.key = (:flow_run << 32) + entry.value
        WHERE typeof(entry.value) = 'integer' AND upstream.id < path.id
        ORDER BY coalesce(upstream.ended_us, :now_us) DESC, upstream.id DESC
        LIMIT 1
    )
    LIMIT :limit
)
SELECT id FROM path

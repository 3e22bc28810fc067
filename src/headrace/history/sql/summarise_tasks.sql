-- The task runs of a flow run by task and state: how many, the first and the last, from when to when. A name of a state has no
-- space, so the two together say which they are; grouped by one value they are sorted in two thirds of the time.
SELECT task, state, count(*), min(id), max(id), min(started_us), max(ended_us)
FROM (SELECT task, state, id, started_us, ended_us, task || ' ' || state AS part
      FROM task_runs
      WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1)
GROUP BY part
ORDER BY min(id)

-- The task runs of a flow run as two columns, JSON arrays: task and state of each, and how long it ran if that is known. A name of a
-- state has no space, so the two are one text. Columns are told in a third of the time of rows.
SELECT json_group_array(task || ' ' || state), json_group_array(ended_us - started_us)
FROM (SELECT task, state, started_us, ended_us
      FROM task_runs
      WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
      ORDER BY key)

-- The last moment of which a flow run has a record: of a task run, or of a log line. NULL if there is none.
SELECT max(at_us)
FROM (SELECT max(submitted_us, coalesce(started_us, 0), coalesce(ended_us, 0)) AS at_us
      FROM task_runs
      WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
      UNION ALL
      SELECT at_us FROM logs WHERE flow_run = :flow_run)

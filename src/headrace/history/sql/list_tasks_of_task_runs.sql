-- Which task each of the task runs of the JSON array :ids is a run of.
SELECT id, task FROM task_runs WHERE key IN (SELECT (:flow_run << 32) + value FROM json_each(:ids))

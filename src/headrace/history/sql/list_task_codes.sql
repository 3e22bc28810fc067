-- By which digests the code of each task was known in a flow run.
SELECT task, digest FROM task_codes WHERE flow_run = :flow_run

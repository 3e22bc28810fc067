-- Writes by which digest the code of a task was known in a flow run.
INSERT INTO task_codes (flow_run, task, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- Writes log lines in their order of arrival. Task run 0 stands for NULL: a line of the flow itself.
INSERT INTO logs (flow_run, task_run, at_us, level, logger, message)
VALUES (?, nullif(?, 0), ?, ?, ?, ?)

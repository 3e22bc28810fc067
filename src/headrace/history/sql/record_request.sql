-- Asks the process that owns a flow run for something.
INSERT INTO requests (flow_run, kind, value, at_us) VALUES (:flow_run, :kind, :value, :at_us)

-- The flow run that was started with this idempotency key.
SELECT id FROM flow_runs WHERE flow = ? AND run_key = ?

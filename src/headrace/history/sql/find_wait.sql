-- What is recorded of a sleep or a pause of a flow run.
SELECT until_us, question, answer, is_over FROM waits
WHERE flow_run = (SELECT key FROM flow_runs WHERE id = ?) AND kind = ? AND name = ? AND occurrence = ?

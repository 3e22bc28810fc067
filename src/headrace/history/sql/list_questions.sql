-- What a flow run waits for a person to answer.
SELECT name, occurrence, question FROM waits
WHERE flow_run = :flow_run AND kind = 'pause' AND is_over = 0 AND answer IS NULL
ORDER BY occurrence, name

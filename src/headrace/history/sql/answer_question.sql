-- Keeps the answer to what a flow run asks, unless there is one.
UPDATE waits SET answer = :answer
WHERE flow_run = :flow_run AND kind = 'pause' AND name = :name AND occurrence = :occurrence
    AND is_over = 0 AND answer IS NULL

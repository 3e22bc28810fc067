-- The process of a flow run is gone: what it executed ends Crashed with it, what had not begun never will.
UPDATE task_runs
SET state = iif(state_type IN ('RUNNING', 'CANCELLING'), 'Crashed', 'Cancelled'),
    ended_us = max(:at_us, submitted_us, coalesce(started_us, 0)),
    detour = json_insert(states, '$[#]', json_array(iif(state_type IN ('RUNNING', 'CANCELLING'), 'Crashed', 'Cancelled'),
                                                    max(:at_us, submitted_us, coalesce(started_us, 0)), :reason))
WHERE key BETWEEN :flow_run << 32 AND ((:flow_run + 1) << 32) - 1
    AND state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')

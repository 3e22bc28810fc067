-- The process of a flow run is gone: the run ends Crashed, with the reason.
UPDATE flow_runs
SET state = 'Crashed', ended_us = :at_us, states = json_insert(states, '$[#]', json_array('Crashed', :at_us, :reason))
WHERE key = :flow_run

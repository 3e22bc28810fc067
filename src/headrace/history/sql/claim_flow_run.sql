-- Begins the next epoch of a flow run, for the process that claims it. What it was before stays beside it; when it was first
-- started stays as it is.
UPDATE flow_runs
SET earlier = json_insert(coalesce(earlier, '[]'), '$[#]',
                          json_object('epoch', epoch, 'states', json(states), 'failure', json(failure))),
    epoch = epoch + 1, process = :process, state = 'Pending',
    states = json_array(json_array('Pending', :at_us, :reason)), ended_us = NULL, failure = NULL,
    automatic_resumes = iif(:is_automatic, automatic_resumes + 1, 0)
WHERE key = :flow_run

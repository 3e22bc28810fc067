-- A subflow of an earlier epoch gave its value once more: all that it was stays, beside its new states.
UPDATE flow_runs
SET earlier = json_insert(coalesce(earlier, '[]'), '$[#]',
                          json_object('epoch', epoch, 'states', json(states), 'failure', json(failure))),
    states = json_array(json_array('Pending', :at_us), json_array('Replayed', :at_us)),
    state = 'Replayed', epoch = epoch + 1, process = :process
WHERE id = :id

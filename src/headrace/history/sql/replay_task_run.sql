-- A task run of an earlier epoch gave its value once more: all that it was stays, beside its new states.
UPDATE task_runs
SET earlier = json_insert(coalesce(earlier, '[]'), '$[#]',
                          json_object('epoch', epoch, 'states', json(states), 'attempts', json(attempts),
                                      'failure', json(failure))),
    detour = json_array(json_array('Pending', :at_us), json_array('Replayed', :at_us)),
    state = 'Replayed', epoch = :epoch
WHERE key = (:flow_run << 32) + :id AND epoch < :epoch

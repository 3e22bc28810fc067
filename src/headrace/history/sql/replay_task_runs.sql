-- Task runs of an earlier epoch gave their values once more: all that they were stays, beside their new states. :replays is a JSON
-- array of [key, when, epoch].
WITH replays AS MATERIALIZED (
    SELECT value ->> 0 AS replayed, value ->> 1 AS at_us, value ->> 2 AS epoch FROM json_each(:replays)
)
UPDATE task_runs
SET earlier = json_insert(coalesce(earlier, '[]'), '$[#]',
                          json_object('epoch', task_runs.epoch, 'states', json(states), 'attempts', json(attempts),
                                      'failure', json(failure))),
    detour = json_array(json_array('Pending', replays.at_us), json_array('Replayed', replays.at_us)),
    state = 'Replayed', epoch = replays.epoch
FROM replays
WHERE key = replays.replayed AND task_runs.epoch < replays.epoch

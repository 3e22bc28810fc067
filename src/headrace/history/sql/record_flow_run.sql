-- Writes one flow run as it is now known, and gives the key that its task runs and log lines refer to.
-- When it was started is when it was first started, in whichever epoch. An empty text, a zero time and an empty pickle stand for NULL: Python binds those several times faster.
INSERT INTO flow_runs (id, kind, flow, name, version, tags, state, states, created_us, started_us, ended_us,
                       parent, task_runner, parameters, result_preview, result_note, failure, provenance,
                       environment, result, epoch, process, run_key, call_key, arguments, arguments_key,
                       result_key, result_serializer, result_size)
VALUES (?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, ''), ?,
        nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''),
        nullif(?, x''), ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, x''), nullif(?, ''), nullif(?, ''),
        nullif(?, ''), nullif(?, 0))
ON CONFLICT (id) DO UPDATE SET
    earlier = iif(excluded.epoch > epoch,
                  json_insert(coalesce(earlier, '[]'), '$[#]',
                              json_object('epoch', epoch, 'states', json(states), 'failure', json(failure))),
                  earlier),
    name = excluded.name, version = excluded.version, tags = excluded.tags, state = excluded.state,
    states = excluded.states, started_us = coalesce(started_us, excluded.started_us), ended_us = excluded.ended_us,
    parent = excluded.parent, task_runner = excluded.task_runner, parameters = excluded.parameters,
    result_preview = excluded.result_preview, result_note = excluded.result_note, failure = excluded.failure,
    provenance = coalesce(excluded.provenance, provenance),
    environment = coalesce(excluded.environment, environment), result = excluded.result,
    epoch = excluded.epoch, process = excluded.process, run_key = coalesce(run_key, excluded.run_key),
    call_key = coalesce(call_key, excluded.call_key), arguments = coalesce(arguments, excluded.arguments),
    arguments_key = coalesce(arguments_key, excluded.arguments_key),
    result_key = excluded.result_key, result_serializer = excluded.result_serializer,
    result_size = excluded.result_size
RETURNING key

-- Writes task runs with every column. What a run was in an earlier epoch stays beside what it is now.
-- An empty text, a zero time or id and an empty pickle stand for NULL: Python binds those several times faster.
INSERT INTO task_runs (key, task, task_index, state, submitted_us, started_us, ended_us, upstreams,
                       parameters, worker, result_preview, result, detour, attempt_count, parent, name, tags,
                       attempts, result_note, failure, epoch, call_key, result_key, result_serializer, result_size,
                       cache_key, cache_expires_us, cached_from)
VALUES (?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''),
        nullif(?, x''), nullif(?, ''), ?, nullif(?, 0), nullif(?, ''), nullif(?, ''), nullif(?, ''),
        nullif(?, ''), nullif(?, ''), ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, 0),
        nullif(?, ''), nullif(?, 0), nullif(?, ''))
ON CONFLICT (key) DO UPDATE SET
    earlier = iif(excluded.epoch > epoch,
                  json_insert(coalesce(earlier, '[]'), '$[#]',
                              json_object('epoch', epoch, 'states', json(states), 'attempts', json(attempts),
                                          'failure', json(failure))),
                  earlier),
    state = excluded.state, submitted_us = excluded.submitted_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, upstreams = excluded.upstreams, parameters = excluded.parameters,
    worker = excluded.worker, result_preview = excluded.result_preview, result = excluded.result,
    detour = excluded.detour, attempt_count = excluded.attempt_count, parent = excluded.parent,
    name = excluded.name, tags = excluded.tags, attempts = excluded.attempts,
    result_note = excluded.result_note, failure = excluded.failure, epoch = excluded.epoch,
    call_key = excluded.call_key, result_key = excluded.result_key,
    result_serializer = excluded.result_serializer, result_size = excluded.result_size,
    cache_key = excluded.cache_key, cache_expires_us = excluded.cache_expires_us, cached_from = excluded.cached_from

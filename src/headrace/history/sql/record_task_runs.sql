-- Writes task runs with every column.
-- An empty text, a zero time or id and an empty pickle stand for NULL: Python binds those several times faster.
INSERT INTO task_runs (key, task, task_index, state, submitted_us, started_us, ended_us, upstreams,
                       parameters, worker, result_preview, result, detour, attempt_count, parent, name, tags,
                       attempts, result_note, failure)
VALUES (?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''),
        nullif(?, x''), nullif(?, ''), ?, nullif(?, 0), nullif(?, ''), nullif(?, ''), nullif(?, ''),
        nullif(?, ''), nullif(?, ''))
ON CONFLICT (key) DO UPDATE SET
    state = excluded.state, submitted_us = excluded.submitted_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, upstreams = excluded.upstreams, parameters = excluded.parameters,
    worker = excluded.worker, result_preview = excluded.result_preview, result = excluded.result,
    detour = excluded.detour, attempt_count = excluded.attempt_count, parent = excluded.parent,
    name = excluded.name, tags = excluded.tags, attempts = excluded.attempts,
    result_note = excluded.result_note, failure = excluded.failure

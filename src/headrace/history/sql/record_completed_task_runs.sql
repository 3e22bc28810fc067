-- Writes task runs of the plain kind: Pending, Running, Completed at the first attempt, nothing out of the way.
-- An empty text and an empty pickle stand for NULL: Python binds those several times faster.
INSERT INTO task_runs (key, task, task_index, state, submitted_us, started_us, ended_us, upstreams,
                       parameters, worker, result_preview, result)
VALUES (?, ?, ?, 'Completed', ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, x''))
ON CONFLICT (key) DO UPDATE SET
    state = excluded.state, submitted_us = excluded.submitted_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, detour = NULL, attempt_count = 1, result_key = NULL,
    result_serializer = NULL, result_size = NULL, cache_key = NULL, cached_from = NULL, upstreams = excluded.upstreams,
    parameters = excluded.parameters, worker = excluded.worker, result_preview = excluded.result_preview,
    result = excluded.result

-- The first schema: flow runs, their task runs, their log lines, and the environments they ran in.
-- Times are microseconds since the Unix epoch. Lists and objects are JSON text.

CREATE TABLE flow_runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, so that no row can fall to another run
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,                     -- 'flow', or 'task': a task called outside any flow
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    tags TEXT,                              -- ["tag", ...], NULL: none
    state TEXT NOT NULL,
    state_type TEXT NOT NULL GENERATED ALWAYS AS (
        CASE state
            WHEN 'Completed' THEN 'COMPLETED' WHEN 'Cached' THEN 'COMPLETED' WHEN 'Replayed' THEN 'COMPLETED'
            WHEN 'Failed' THEN 'FAILED' WHEN 'TimedOut' THEN 'FAILED' WHEN 'UpstreamFailed' THEN 'FAILED'
            WHEN 'Running' THEN 'RUNNING' WHEN 'Retrying' THEN 'RUNNING'
            WHEN 'Pending' THEN 'PENDING' WHEN 'AwaitingSlot' THEN 'PENDING'
            WHEN 'Scheduled' THEN 'SCHEDULED' WHEN 'AwaitingRetry' THEN 'SCHEDULED'
            WHEN 'Paused' THEN 'PAUSED' WHEN 'Cancelling' THEN 'CANCELLING'
            WHEN 'Cancelled' THEN 'CANCELLED' WHEN 'Crashed' THEN 'CRASHED'
        END
    ) VIRTUAL,
    states TEXT NOT NULL,                   -- [["name", at_us, "reason"], ...]; the reason may be left out
    created_us INTEGER NOT NULL,
    started_us INTEGER,
    ended_us INTEGER,
    parent TEXT,                            -- "<flow run id>" or "<flow run id>/<task run id>": who called it
    task_runner TEXT NOT NULL,
    parameters TEXT,                        -- a preview: a JSON object
    result_preview TEXT,
    result_note TEXT,                       -- why the result is not stored
    failure TEXT,                           -- {"type", "message", "traceback"}
    provenance TEXT,                        -- {"entry_point", "arguments", "commit", ...}
    environment TEXT,                       -- the digest in environments
    epoch INTEGER NOT NULL DEFAULT 1,
    result BLOB                             -- last: large values overflow, and nothing else is behind them
);

CREATE INDEX flow_runs_by_time ON flow_runs (created_us);
CREATE INDEX flow_runs_by_parent ON flow_runs (parent) WHERE parent IS NOT NULL;

CREATE TABLE task_runs (
    key INTEGER PRIMARY KEY,                -- flow_run * 4294967296 + id: one b-tree, in order of submission
    flow_run INTEGER NOT NULL GENERATED ALWAYS AS (key >> 32) VIRTUAL,
    id INTEGER NOT NULL GENERATED ALWAYS AS (key & 4294967295) VIRTUAL,
    parent INTEGER,                         -- the task run of the same flow run that called it
    task TEXT NOT NULL,
    task_index INTEGER NOT NULL,
    name TEXT,                              -- NULL: task || '-' || task_index
    tags TEXT,
    state TEXT NOT NULL,
    state_type TEXT NOT NULL GENERATED ALWAYS AS (
        CASE state
            WHEN 'Completed' THEN 'COMPLETED' WHEN 'Cached' THEN 'COMPLETED' WHEN 'Replayed' THEN 'COMPLETED'
            WHEN 'Failed' THEN 'FAILED' WHEN 'TimedOut' THEN 'FAILED' WHEN 'UpstreamFailed' THEN 'FAILED'
            WHEN 'Running' THEN 'RUNNING' WHEN 'Retrying' THEN 'RUNNING'
            WHEN 'Pending' THEN 'PENDING' WHEN 'AwaitingSlot' THEN 'PENDING'
            WHEN 'Scheduled' THEN 'SCHEDULED' WHEN 'AwaitingRetry' THEN 'SCHEDULED'
            WHEN 'Paused' THEN 'PAUSED' WHEN 'Cancelling' THEN 'CANCELLING'
            WHEN 'Cancelled' THEN 'CANCELLED' WHEN 'Crashed' THEN 'CRASHED'
        END
    ) VIRTUAL,
    submitted_us INTEGER NOT NULL,
    started_us INTEGER,
    ended_us INTEGER,
    detour TEXT,                            -- the states of a run that went another way than the plain one below
    states TEXT GENERATED ALWAYS AS (
        coalesce(detour, printf('[["Pending",%d],["Running",%d],["Completed",%d]]',
                                submitted_us, started_us, ended_us))
    ) VIRTUAL,
    attempt_count INTEGER NOT NULL DEFAULT 1,
    attempts TEXT,                          -- [{"number", "started_us", "ended_us", "worker", "failure"}, ...]
    upstreams TEXT,                         -- [id, "<flow run id>/<task run id>", ...], NULL: none
    parameters TEXT,
    worker TEXT,
    result_preview TEXT,
    result_note TEXT,
    failure TEXT,
    epoch INTEGER NOT NULL DEFAULT 1,
    result BLOB
);

-- With the key that every index ends in: the runs of one state of one flow run lie side by side and are counted there.
CREATE INDEX task_runs_by_state ON task_runs (state);

CREATE TABLE state_types (
    state TEXT PRIMARY KEY,
    state_type TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO state_types (state, state_type) VALUES
    ('Scheduled', 'SCHEDULED'), ('AwaitingRetry', 'SCHEDULED'),
    ('Pending', 'PENDING'), ('AwaitingSlot', 'PENDING'),
    ('Running', 'RUNNING'), ('Retrying', 'RUNNING'),
    ('Paused', 'PAUSED'), ('Cancelling', 'CANCELLING'),
    ('Completed', 'COMPLETED'), ('Cached', 'COMPLETED'), ('Replayed', 'COMPLETED'),
    ('Failed', 'FAILED'), ('TimedOut', 'FAILED'), ('UpstreamFailed', 'FAILED'),
    ('Crashed', 'CRASHED'), ('Cancelled', 'CANCELLED');

CREATE TABLE logs (
    key INTEGER PRIMARY KEY,                -- in order of arrival
    flow_run INTEGER NOT NULL,
    task_run INTEGER,                       -- NULL: the flow's own
    at_us INTEGER NOT NULL,
    level INTEGER NOT NULL,
    logger TEXT NOT NULL,
    message TEXT NOT NULL
);

CREATE INDEX logs_by_run ON logs (flow_run);

CREATE TABLE environments (
    digest TEXT PRIMARY KEY,
    packages TEXT NOT NULL                  -- {"name": "version", ...}
) WITHOUT ROWID;

CREATE VIEW task_run_states AS
SELECT task_runs.flow_run, task_runs.id AS task_run, entry.key AS position,
       json_extract(entry.value, '$[0]') AS state,
       json_extract(entry.value, '$[1]') AS at_us,
       json_extract(entry.value, '$[2]') AS reason
FROM task_runs, json_each(task_runs.states) AS entry;

CREATE VIEW flow_run_states AS
SELECT flow_runs.key AS flow_run, entry.key AS position,
       json_extract(entry.value, '$[0]') AS state,
       json_extract(entry.value, '$[1]') AS at_us,
       json_extract(entry.value, '$[2]') AS reason
FROM flow_runs, json_each(flow_runs.states) AS entry;

CREATE VIEW edges AS
SELECT task_runs.flow_run, task_runs.id AS downstream, entry.value AS upstream
FROM task_runs, json_each(task_runs.upstreams) AS entry
WHERE task_runs.upstreams IS NOT NULL;

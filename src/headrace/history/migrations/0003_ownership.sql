-- Who runs what. A flow run belongs to the process that claimed it last; each claim is an epoch of its own. What a
-- process of an earlier epoch still writes is refused.

CREATE TABLE processes (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,                  -- which start of which kernel; '' where that cannot be told
    pid_namespace TEXT NOT NULL,            -- two containers are two machines
    born TEXT NOT NULL,                     -- when the process started, as the kernel counts it: tells it from a later one
    claimed_us INTEGER NOT NULL,
    heartbeat_us INTEGER NOT NULL,
    heartbeat_awake_us INTEGER NOT NULL     -- the same by the clock that stands still while the machine sleeps
);

ALTER TABLE flow_runs ADD COLUMN process INTEGER;               -- who claimed it
ALTER TABLE flow_runs ADD COLUMN run_key TEXT;                  -- the idempotency key that it was started with
ALTER TABLE flow_runs ADD COLUMN automatic_resumes INTEGER NOT NULL DEFAULT 0;  -- since a person last asked for one
ALTER TABLE flow_runs ADD COLUMN call_key TEXT;                 -- what a resume of the parent knows a subflow by
ALTER TABLE flow_runs ADD COLUMN arguments BLOB;                -- pickled, for a resume

-- What has not ended, for whoever looks whether its process is still there.
CREATE INDEX flow_runs_under_way ON flow_runs (process) WHERE ended_us IS NULL;
CREATE UNIQUE INDEX flow_runs_by_run_key ON flow_runs (flow, run_key) WHERE run_key IS NOT NULL;

-- What a run was in epochs before its present one: [{"epoch", "states", "failure"}, ...], those of task runs with "attempts".
ALTER TABLE flow_runs ADD COLUMN earlier TEXT;
ALTER TABLE task_runs ADD COLUMN earlier TEXT;

ALTER TABLE task_runs ADD COLUMN call_key TEXT;                 -- what a resume knows the call by, where the row does not say it

-- The code that the tasks of a flow run had, so that a resume runs again what has changed since.
CREATE TABLE task_codes (
    flow_run INTEGER NOT NULL,
    task TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (flow_run, task, digest)
) WITHOUT ROWID;

-- What other processes want of the one that owns a flow run: 'cancel' (value: the reason), 'answer' (value: JSON).
CREATE TABLE requests (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    flow_run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT,
    at_us INTEGER NOT NULL
);

CREATE INDEX requests_by_run ON requests (flow_run);

CREATE TRIGGER flow_run_goes AFTER DELETE ON flow_runs
BEGIN
    DELETE FROM task_codes WHERE flow_run = OLD.key;
    DELETE FROM requests WHERE flow_run = OLD.key;
END;

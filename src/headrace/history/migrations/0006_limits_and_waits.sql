-- Limits on what runs at once or in a time, who holds a part of them, and what flow runs wait for.

CREATE TABLE limits (
    name TEXT PRIMARY KEY,
    slots INTEGER,                          -- how many may be held at once; NULL: any number
    rate INTEGER,                           -- how many may begin in a period; NULL: any number
    period_us INTEGER,
    full_at_ns INTEGER NOT NULL DEFAULT 0   -- when the bucket of the rate will be full again: what was taken moves it on
) WITHOUT ROWID;

-- A lease is asked for, granted, and given back: then its row is gone. It ends with its process, too.
CREATE TABLE leases (
    key INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order of asking
    process INTEGER NOT NULL,
    demand TEXT NOT NULL,                   -- {"limit": [slots, most, tokens], ...}, see engine/leases.py
    holder TEXT NOT NULL,                   -- what a person knows it by
    asked_us INTEGER NOT NULL,
    granted_us INTEGER                      -- NULL: waits
);

CREATE INDEX leases_that_wait ON leases (demand, key) WHERE granted_us IS NULL;
CREATE INDEX leases_that_are_held ON leases (demand) WHERE granted_us IS NOT NULL;
CREATE INDEX leases_by_process ON leases (process);

-- What the functions of flows wait for, so that a resume waits for what is left of it.
CREATE TABLE waits (
    flow_run INTEGER NOT NULL,
    kind TEXT NOT NULL,                     -- 'sleep' or 'pause'
    name TEXT NOT NULL,                     -- the seconds; the prompt
    occurrence INTEGER NOT NULL,            -- of that name in the flow run, from 0
    until_us INTEGER,                       -- NULL: for ever
    question TEXT,                          -- of a pause: {"type": ..., "choices": [...]}
    answer TEXT,                            -- JSON; NULL: not yet
    is_over INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (flow_run, kind, name, occurrence)
) WITHOUT ROWID;

CREATE TRIGGER flow_run_is_deleted AFTER DELETE ON flow_runs
BEGIN
    DELETE FROM waits WHERE flow_run = OLD.key;
    DELETE FROM requests WHERE flow_run = OLD.key;
    DELETE FROM task_codes WHERE flow_run = OLD.key;
END;

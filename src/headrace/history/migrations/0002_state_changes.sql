-- The history itself refuses a change of state that the table of transitions does not allow, so that a
-- process that was paused and woken, or a defect, cannot overwrite how a run ended. `reachable` holds every
-- pair of states that some chain of transitions connects (a row may skip states that it never showed); it
-- is filled from engine/states.py when a schema is made or migrated. Only a later epoch may leave a final state.

CREATE TABLE reachable (
    earlier TEXT NOT NULL,
    later TEXT NOT NULL,
    PRIMARY KEY (earlier, later)
) WITHOUT ROWID;

CREATE TRIGGER flow_run_state_changes BEFORE UPDATE OF state ON flow_runs
WHEN NEW.epoch < OLD.epoch
    OR (NEW.epoch = OLD.epoch AND NEW.state <> OLD.state
        AND NOT EXISTS (SELECT 1 FROM reachable WHERE earlier = OLD.state AND later = NEW.state))
BEGIN
    SELECT RAISE(ABORT, 'a flow run cannot leave that state for this one');
END;

CREATE TRIGGER task_run_state_changes BEFORE UPDATE OF state ON task_runs
WHEN NEW.epoch < OLD.epoch
    OR (NEW.epoch = OLD.epoch AND NEW.state <> OLD.state
        AND NOT EXISTS (SELECT 1 FROM reachable WHERE earlier = OLD.state AND later = NEW.state))
BEGIN
    SELECT RAISE(ABORT, 'a task run cannot leave that state for this one');
END;

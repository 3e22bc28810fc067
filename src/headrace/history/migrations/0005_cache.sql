-- Which task runs stand for all calls of a key, and who is working one out.

ALTER TABLE task_runs ADD COLUMN cache_key TEXT;                -- of a run that went by the cache: 32 hexadecimal digits
ALTER TABLE task_runs ADD COLUMN cache_expires_us INTEGER;      -- from then on its value counts no more; NULL: always
ALTER TABLE task_runs ADD COLUMN cached_from TEXT;              -- "<flow run id>/<task run id>" that gave a Cached run its value

CREATE INDEX task_runs_by_cache_key ON task_runs (cache_key) WHERE cache_key IS NOT NULL;

-- Who works out the value of a key right now: whoever wants it, too, waits for that.
CREATE TABLE cache_claims (
    key TEXT PRIMARY KEY,
    process INTEGER NOT NULL,
    holder TEXT NOT NULL,                   -- "<flow run id>/<task run id>"
    at_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX cache_claims_by_process ON cache_claims (process);

-- How often the cache was cleared: who remembers entries sees that they count no more.
CREATE TABLE cache_clearings (count INTEGER NOT NULL);
INSERT INTO cache_clearings (count) VALUES (0);

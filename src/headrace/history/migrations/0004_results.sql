-- Results in files, and by other serializers. What `result` holds ends in four bytes: the CRC-32 of what is before them,
-- which starts from the identity of the row (see checksums.py). A pickle says itself where it ends.

ALTER TABLE task_runs ADD COLUMN result_key TEXT;         -- of a file: relative to the history's own place, or a whole path or URL
ALTER TABLE task_runs ADD COLUMN result_serializer TEXT;  -- NULL: pickle
ALTER TABLE task_runs ADD COLUMN result_size INTEGER;     -- of the file, in bytes

ALTER TABLE flow_runs ADD COLUMN result_key TEXT;
ALTER TABLE flow_runs ADD COLUMN result_serializer TEXT;
ALTER TABLE flow_runs ADD COLUMN result_size INTEGER;

ALTER TABLE flow_runs ADD COLUMN arguments_key TEXT;      -- of the file with the pickled arguments, where they are too large

-- Who refers to which file: a file is deleted when nobody does.
CREATE INDEX task_runs_by_result_key ON task_runs (result_key) WHERE result_key IS NOT NULL;
CREATE INDEX flow_runs_by_result_key ON flow_runs (result_key) WHERE result_key IS NOT NULL;
CREATE INDEX flow_runs_by_arguments_key ON flow_runs (arguments_key) WHERE arguments_key IS NOT NULL;

CREATE VIEW file_references AS
SELECT result_key AS key, flow_run, id AS task_run FROM task_runs WHERE result_key IS NOT NULL
UNION ALL
SELECT result_key, key, NULL FROM flow_runs WHERE result_key IS NOT NULL
UNION ALL
SELECT arguments_key, key, NULL FROM flow_runs WHERE arguments_key IS NOT NULL;

-- What this history calls its folder among others in the same place: its files are its own.
CREATE TABLE identity (id TEXT NOT NULL);
INSERT INTO identity (id) VALUES (lower(hex(randomblob(8))));

-- What was stored before there were checksums cannot be told from what has changed since.
UPDATE task_runs SET result = NULL, result_note = 'not stored: an earlier version wrote it without a checksum'
WHERE result IS NOT NULL;
UPDATE flow_runs SET result = NULL, result_note = 'not stored: an earlier version wrote it without a checksum'
WHERE result IS NOT NULL;

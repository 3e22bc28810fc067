-- The next :count log lines of a flow run before a key, whatever is in them: the first key, the last, and how many there are. All
-- of it stands in the index.
SELECT min(key), max(key), count(*)
FROM (SELECT key FROM logs WHERE flow_run = :flow_run AND key < :key ORDER BY key DESC LIMIT :count)

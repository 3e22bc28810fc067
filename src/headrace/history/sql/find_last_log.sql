-- The key of the last log line, 0 if there is none.
SELECT coalesce(max(key), 0) FROM logs

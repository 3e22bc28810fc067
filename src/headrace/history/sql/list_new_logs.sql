-- Which flow runs have log lines behind a key, and the last of all those.
SELECT flow_run, max(key) FROM logs WHERE key > :after GROUP BY flow_run

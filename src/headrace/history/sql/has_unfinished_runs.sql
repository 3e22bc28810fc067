-- Whether some flow run has not ended: it may have written files to which no row refers yet.
SELECT EXISTS (SELECT 1 FROM flow_runs WHERE ended_us IS NULL)

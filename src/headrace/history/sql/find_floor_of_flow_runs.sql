-- How far :count rows of flow_runs reach back from the key :before: the key of the one behind them, if there are more.
SELECT key FROM flow_runs WHERE key < :before ORDER BY key DESC LIMIT 1 OFFSET :count

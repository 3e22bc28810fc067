-- How far :count rows of logs reach back from the key :before: the key of the one behind them, if there are more.
SELECT key FROM logs WHERE key < :before ORDER BY key DESC LIMIT 1 OFFSET :count

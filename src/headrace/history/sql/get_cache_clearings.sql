-- How often the cache was cleared.
SELECT count FROM cache_clearings

-- Values that were cached count no more: whoever remembers some looks again.
UPDATE cache_clearings SET count = count + 1

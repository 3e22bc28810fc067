-- From now on this task run works out the value of a key.
INSERT OR REPLACE INTO cache_claims (key, process, holder, at_us) VALUES (:key, :process, :holder, :at_us)

-- What a process that is gone was working out, others may.
DELETE FROM cache_claims WHERE process = :process

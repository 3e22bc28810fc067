-- The task run has ended: nobody need wait for it any longer.
DELETE FROM cache_claims WHERE key = ? AND holder = ?

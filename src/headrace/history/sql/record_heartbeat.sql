-- The process is there: so say those who hold claims, now and then.
UPDATE processes SET heartbeat_us = :at_us, heartbeat_awake_us = :awake_us WHERE key = :process

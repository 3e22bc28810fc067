-- Somebody wants a lease: from now on it waits.
INSERT INTO leases (process, demand, holder, asked_us) VALUES (:process, :demand, :holder, :at_us)

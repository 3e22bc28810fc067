-- Sets how many of a name may begin in a period. The bucket is full at first.
INSERT INTO limits (name, rate, period_us) VALUES (:name, :rate, :period_us)
ON CONFLICT (name) DO UPDATE SET rate = excluded.rate, period_us = excluded.period_us, full_at_ns = 0

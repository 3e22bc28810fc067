-- The limits that are set.
SELECT name, slots, rate, period_us, full_at_ns FROM limits ORDER BY name

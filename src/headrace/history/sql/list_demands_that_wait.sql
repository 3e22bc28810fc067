-- What is demanded by leases that wait, each demand once: hops from one to the next.
WITH RECURSIVE waiting (demand) AS (
    SELECT min(demand) FROM leases WHERE granted_us IS NULL
    UNION ALL
    SELECT (SELECT min(leases.demand) FROM leases WHERE granted_us IS NULL AND leases.demand > waiting.demand)
    FROM waiting WHERE waiting.demand IS NOT NULL
)
SELECT demand FROM waiting WHERE demand IS NOT NULL

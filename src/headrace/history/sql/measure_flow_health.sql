-- Each flow by its runs: how many, how many of those that ended by themselves completed, how long those took that did: the
-- median, the 95th percentile, and the median of the last ten over that of the ten before. The latest flows first.
WITH runs AS MATERIALIZED (
    SELECT flow, state_type, created_us, ended_us - started_us AS took_us
    FROM flow_runs
    WHERE kind = 'flow'
),
completed AS (
    SELECT flow, took_us,
           row_number() OVER (PARTITION BY flow ORDER BY created_us DESC) - 1 AS age
    FROM runs
    WHERE state_type = 'COMPLETED' AND took_us IS NOT NULL
),
ranked AS (
    SELECT flow, took_us, age / 10 AS ten,
           row_number() OVER (PARTITION BY flow ORDER BY took_us) AS rank,
           count(*) OVER (PARTITION BY flow) AS count,
           row_number() OVER (PARTITION BY flow, age / 10 ORDER BY took_us) AS rank_in_ten,
           count(*) OVER (PARTITION BY flow, age / 10) AS count_in_ten
    FROM completed
),
durations AS (
    SELECT flow,
           avg(took_us) FILTER (WHERE rank IN ((count + 1) / 2, (count + 2) / 2)) AS median_us,
           min(took_us) FILTER (WHERE rank * 100 >= count * 95) AS p95_us,
           avg(took_us) FILTER (
               WHERE ten = 0 AND rank_in_ten IN ((count_in_ten + 1) / 2, (count_in_ten + 2) / 2)) AS last_us,
           avg(took_us) FILTER (
               WHERE ten = 1 AND rank_in_ten IN ((count_in_ten + 1) / 2, (count_in_ten + 2) / 2)) AS before_us
    FROM ranked
    GROUP BY flow
)
SELECT runs.flow, count(*),
       sum(state_type = 'COMPLETED') * 1.0 / nullif(sum(state_type IN ('COMPLETED', 'FAILED', 'CRASHED')), 0),
       CAST(median_us AS INTEGER), p95_us, last_us / nullif(before_us, 0)
FROM runs LEFT JOIN durations USING (flow)
GROUP BY runs.flow
ORDER BY max(created_us) DESC
LIMIT :limit

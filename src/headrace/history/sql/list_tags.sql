-- Every tag of a flow run.
SELECT DISTINCT entry.value FROM flow_runs, json_each(flow_runs.tags) AS entry ORDER BY 1 LIMIT :limit

-- What others want of the flow runs of this process, from the one after :after on.
SELECT requests.key, flow_runs.id, requests.kind, requests.value
FROM requests JOIN flow_runs ON flow_runs.key = requests.flow_run
WHERE requests.key > :after AND flow_runs.process = :process AND flow_runs.ended_us IS NULL
ORDER BY requests.key

-- Where flow runs stand: those that have not ended, and the newest of all. Short, for whoever looks often.
SELECT key, id, state, epoch, ended_us FROM flow_runs WHERE ended_us IS NULL
UNION
SELECT key, id, state, epoch, ended_us FROM (SELECT key, id, state, epoch, ended_us FROM flow_runs ORDER BY key DESC LIMIT :newest)

-- Where the flow run of a whole id stands. As long as that is the same and it has ended, nothing has become of it since.
SELECT key, id, state, epoch, ended_us FROM flow_runs WHERE id = :id

-- How many flow runs a flow run called itself, or its task runs called.
SELECT count(*) FROM flow_runs WHERE parent = :id OR (parent >= :first AND parent < :after)

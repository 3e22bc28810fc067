-- A flow run and all its subflows, however deep, with the time of their ends.
WITH RECURSIVE family (key, id, ended_us) AS (
    SELECT key, id, ended_us FROM flow_runs WHERE id = ?
    UNION
    SELECT child.key, child.id, child.ended_us
    FROM family JOIN flow_runs AS child
        ON child.parent = family.id OR (child.parent > family.id || '/' AND child.parent < family.id || '0')
)
SELECT key, id, ended_us FROM family

-- When the first and the last flow run were created that pass the filter.
SELECT min(created_us), max(created_us)
FROM flow_runs
WHERE created_us >= :since_us AND created_us < :until_us
    AND (:state IS NULL OR state_type = :state OR state = :state)
    AND (:flow IS NULL OR flow = :flow)
    AND (:text IS NULL OR instr(lower(name), lower(:text)) OR instr(lower(flow), lower(:text)))
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))
    AND (NOT :roots_only OR parent IS NULL)

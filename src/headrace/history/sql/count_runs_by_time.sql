-- Flow runs counted by slices of :step_us from :from_us on, in which they were created, and by the type of their state.
SELECT (created_us - :from_us) / :step_us, state_type, count(*)
FROM flow_runs
WHERE created_us >= :since_us AND created_us < :until_us
    AND (:state IS NULL OR state_type = :state OR state = :state)
    AND (:flow IS NULL OR flow = :flow)
    AND (:text IS NULL OR instr(lower(name), lower(:text)) OR instr(lower(flow), lower(:text)))
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))
    AND (NOT :roots_only OR parent IS NULL)
GROUP BY 1, 2

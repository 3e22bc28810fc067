-- What was asked of an earlier epoch is not meant for the next one; answers are.
DELETE FROM requests WHERE flow_run = :flow_run AND kind = 'cancel'

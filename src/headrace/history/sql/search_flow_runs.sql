-- Flow runs whose names hold a text, or the message of their failure or the reason of their state; the latest first.
SELECT key, id, name, flow, state, state_type, NULL, created_us, is_named, iif(is_named, flow || ' ' || name, message)
FROM (SELECT key, id, name, flow, state, state_type, created_us,
             name LIKE :pattern ESCAPE '\' OR flow LIKE :pattern ESCAPE '\' OR id = :text AS is_named,
             coalesce(failure ->> 'message', json_extract(states, '$[#-1][2]')) AS message
      FROM flow_runs
      WHERE key > :floor AND key < :before)
WHERE is_named OR message LIKE :pattern ESCAPE '\'
ORDER BY key DESC
LIMIT :limit

-- Writes a sleep or a pause as it is now known: the answer that was taken, the end that a sleep had from the first.
INSERT INTO waits (flow_run, kind, name, occurrence, until_us, question, answer, is_over)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (flow_run, kind, name, occurrence) DO UPDATE SET
    until_us = coalesce(until_us, excluded.until_us), question = excluded.question,
    answer = coalesce(excluded.answer, answer), is_over = excluded.is_over

-- To which of the files in a JSON array some run refers.
SELECT DISTINCT key FROM file_references WHERE key IN (SELECT value FROM json_each(:keys))

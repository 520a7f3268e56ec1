-- Files of evidence that are gone or changed, as last read again.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'evidence_faults' AND label = ''
  AND time > $__timeTo()::timestamptz - INTERVAL '10 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

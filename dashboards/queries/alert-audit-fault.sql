-- What is wrong with the audit's chain and its signed roots.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'audit_faults' AND label = ''
  AND time > $__timeTo()::timestamptz - INTERVAL '20 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

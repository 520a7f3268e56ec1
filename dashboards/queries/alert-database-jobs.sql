-- Policies of the database whose last run failed: aggregates, compression, retention.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'job_failures' AND label = ''
  AND time > $__timeTo()::timestamptz - INTERVAL '5 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

-- Events in Kafka that the workers have not confirmed.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'stream_lag' AND label = ''
  AND time > $__timeTo()::timestamptz - INTERVAL '3 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

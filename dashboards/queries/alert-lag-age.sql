-- Seconds that the oldest event, of those that the workers have not confirmed, has been in Kafka.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'stream_lag_s' AND label = ''
  AND time > $__timeTo()::timestamptz - INTERVAL '3 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

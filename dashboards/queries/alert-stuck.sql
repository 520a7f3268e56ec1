-- Seconds that messages have waited in each bridge and worker while none got through.
SELECT DISTINCT ON (part) part, value
FROM core_figure
WHERE figure = 'stalled_s' AND time > $__timeTo()::timestamptz - INTERVAL '3 minutes'
  AND time <= $__timeTo()::timestamptz
ORDER BY part, time DESC

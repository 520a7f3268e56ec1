-- Share in use of each disk that is watched, per cent.
SELECT DISTINCT ON (part, label) part, label AS folder, value * 100 AS value
FROM core_figure
WHERE figure = 'disk_used_share'
  AND time > $__timeTo()::timestamptz - INTERVAL '5 minutes' AND time <= $__timeTo()::timestamptz
ORDER BY part, label, time DESC

-- Late files by day, and the target.
WITH daily AS (
    SELECT bucket AS time, sum(value_sum) / sum(samples)::double precision AS value
    FROM reading_1d
    WHERE quantity = 'gov.late_files' AND samples > 0
      AND bucket >= $__timeFrom()::timestamptz AND bucket <= $__timeTo()::timestamptz
    GROUP BY 1
)
SELECT time, 'late' AS metric, value FROM daily
UNION ALL
-- As far as there are values and no further: a target makes nothing look fresh.
SELECT daily.time, '~target', indicator.target
FROM daily CROSS JOIN indicator
WHERE indicator.quantity = 'gov.late_files'
ORDER BY 1, 2

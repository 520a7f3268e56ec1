-- How far the four indicators that miss their targets most have come, by day, 0 is the target.
WITH daily AS (
    SELECT day.bucket, indicator.quantity, indicator.name_vi,
           day.value - indicator.target AS above,
           CASE indicator.better WHEN 'higher' THEN 1 ELSE -1 END AS way
    FROM indicator
    CROSS JOIN LATERAL (
        -- By the hour: of sparse values these are few rows, and nearly all of them are stored.
        SELECT date_trunc('day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
               sum(value_sum) / sum(samples)::double precision AS value
        FROM reading_1h
        WHERE quantity = indicator.quantity AND samples > 0
          AND bucket >= date_trunc('day', $__timeFrom()::timestamptz, 'Asia/Ho_Chi_Minh')
          AND bucket <= $__timeTo()::timestamptz
        GROUP BY 1
    ) AS day
    WHERE indicator.unit = '%'
), worst AS (
    SELECT quantity
    FROM (
        SELECT DISTINCT ON (quantity) quantity, above * way AS ahead FROM daily
        ORDER BY quantity, bucket DESC
    ) AS newest
    ORDER BY ahead, quantity
    LIMIT 4
)
SELECT daily.bucket AS time, daily.name_vi AS metric, daily.above * daily.way AS value
FROM daily JOIN worst USING (quantity)
UNION ALL
-- As far as there are values and no further: a target makes nothing look fresh.
SELECT DISTINCT bucket, '~target', 0::double precision FROM daily JOIN worst USING (quantity)
ORDER BY 1, 2

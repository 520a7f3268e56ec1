-- A whole query: the highest of each hour at the worst sensor of each city, and the lowest limit.
WITH hourly AS (
    SELECT city, bucket, max(<value>) AS value
    FROM reading_1h
    WHERE quantity = '<quantity>'
      AND bucket >= $__timeFrom()::timestamptz AND bucket <= $__timeTo()::timestamptz
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1, 2
), bound AS (
    SELECT min(raise_at) AS raise_at
    FROM sensor
    WHERE quantity = '<quantity>'
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), named AS (
    SELECT city, min(city_name_vi) AS name FROM site GROUP BY 1
)
SELECT hourly.bucket AS time, coalesce(named.name, hourly.city) AS metric, hourly.value
FROM hourly
LEFT JOIN named USING (city)
WHERE hourly.value IS NOT NULL
UNION ALL
-- As far as there are values and no further: a limit makes nothing look fresh.
SELECT hourly.bucket, '~limit', max(bound.raise_at)
FROM hourly CROSS JOIN bound
WHERE hourly.value IS NOT NULL AND bound.raise_at IS NOT NULL
GROUP BY 1
ORDER BY 1, 2

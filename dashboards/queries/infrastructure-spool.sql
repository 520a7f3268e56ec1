-- Events that wait in the spools of each city's devices, at their most in each quarter of an hour.
SELECT spool.bucket AS time, coalesce(named.name, spool.city) AS metric,
       spool.waiting::double precision AS value
FROM (
    SELECT bucket, city, sum(spool_depth) AS waiting
    FROM health_15m
    WHERE bucket >= $__timeFrom()::timestamptz AND bucket <= $__timeTo()::timestamptz
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1, 2
) AS spool
LEFT JOIN (SELECT city, min(city_name_vi) AS name FROM site GROUP BY 1) AS named USING (city)
WHERE spool.waiting IS NOT NULL
ORDER BY 1, 2

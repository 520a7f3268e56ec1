-- Water levels of the three gauges nearest their limits in the last three hours, with the limits.
WITH recent AS (
    SELECT city, site, device, max(value_max) AS highest
    FROM reading_15m
    WHERE quantity = 'water_level'
      AND bucket > $__timeTo()::timestamptz - INTERVAL '3 hours'
      AND bucket <= $__timeTo()::timestamptz
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1, 2, 3
), worst AS (
    SELECT city, site, device, sensor.raise_at,
           coalesce(sensor.name_vi, site || '/' || device) AS name
    FROM recent
    LEFT JOIN (SELECT * FROM sensor WHERE quantity = 'water_level') AS sensor
        USING (city, site, device)
    ORDER BY recent.highest / nullif(greatest(sensor.raise_at, 0), 0) DESC NULLS LAST,
             recent.highest DESC NULLS LAST, city, site, device
    LIMIT 3
), named AS (
    -- Two gauges of one name are told apart by their places.
    SELECT city, site, device, raise_at,
           CASE WHEN count(*) OVER (PARTITION BY name) > 1
                THEN name || ' (' || site || '/' || device || ')' ELSE name END AS name
    FROM worst
)
SELECT level.bucket AS time, line.metric, line.value
FROM named
CROSS JOIN LATERAL (
    SELECT bucket, value FROM reading_15m AS r
    WHERE r.city = named.city AND r.site = named.site AND r.device = named.device
      AND r.quantity = 'water_level' AND r.value IS NOT NULL
      AND r.bucket >= $__timeFrom()::timestamptz AND r.bucket <= $__timeTo()::timestamptz
    OFFSET 0 -- three looks into an index, and not one over all gauges
) AS level
-- A limit goes as far as there are values and no further: it makes nothing look fresh.
CROSS JOIN LATERAL (
    VALUES (named.name, level.value), ('~' || named.name, named.raise_at)
) AS line (metric, value)
WHERE line.value IS NOT NULL
ORDER BY 1, 2

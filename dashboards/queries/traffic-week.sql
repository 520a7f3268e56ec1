-- Vehicles an hour in full hours, and in the same hours a week before.
WITH hours AS (
    SELECT bucket AS time, 'now' AS metric, sum(total - pedestrian) AS vehicles
    FROM flow_1h
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND bucket >= $__timeFrom()::timestamptz
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '1 hour'
    GROUP BY 1
    UNION ALL
    SELECT bucket + INTERVAL '168 hours', '~last_week', sum(total - pedestrian)
    FROM flow_1h
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND bucket >= $__timeFrom()::timestamptz - INTERVAL '168 hours'
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '169 hours'
    GROUP BY 1
)
SELECT time, metric, vehicles::double precision AS value FROM hours ORDER BY 1, 2

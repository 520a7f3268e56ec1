-- Vehicles an hour by class, in full hours, a class that never came is left out.
WITH hourly AS (
    SELECT bucket, sum(motorcycle) AS motorcycle, sum(car) AS car, sum(bus) AS bus,
           sum(truck) AS truck, sum(bicycle) AS bicycle, sum(three_wheeler) AS three_wheeler,
           sum(other) AS other
    FROM flow_1h
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND bucket >= $__timeFrom()::timestamptz
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '1 hour'
    GROUP BY 1
), class AS (
    SELECT bucket, metric, vehicles, max(vehicles) OVER (PARTITION BY metric) AS most
    FROM hourly
    CROSS JOIN LATERAL (VALUES ('motorcycle', motorcycle), ('car', car), ('bus', bus),
        ('truck', truck), ('bicycle', bicycle), ('three_wheeler', three_wheeler),
        ('other', other)) AS part (metric, vehicles)
)
SELECT bucket AS time, metric, vehicles::double precision AS value
FROM class WHERE most > 0
ORDER BY 1, 2

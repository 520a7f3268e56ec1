-- Mean speed of the vehicles at the eight busiest of the chosen junctions, by full hours.
WITH hourly AS (
    SELECT bucket, city, site, sum(total - pedestrian) AS vehicles,
           sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh
    FROM flow_1h
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND bucket >= $__timeFrom()::timestamptz
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '1 hour'
    GROUP BY 1, 2, 3
), busiest AS (
    SELECT city, site FROM hourly
    GROUP BY 1, 2 HAVING max(speed_kmh) IS NOT NULL ORDER BY sum(vehicles) DESC, 1, 2 LIMIT 8
)
SELECT bucket AS time, coalesce(name_vi, site) AS metric, speed_kmh AS value
FROM hourly JOIN busiest USING (city, site) LEFT JOIN site USING (city, site)
WHERE speed_kmh IS NOT NULL
ORDER BY 1, 2

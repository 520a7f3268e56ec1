-- Vehicles an hour on the twelve busiest lanes in the last 15 full minutes.
WITH live AS (
    -- Five seconds after the end of a minute every camera has told of it.
    SELECT * FROM flow_minute
    WHERE minute >= date_trunc('minute', $__timeTo()::timestamptz - INTERVAL '5 seconds')
          - INTERVAL '15 minutes'
      AND minute < date_trunc('minute', $__timeTo()::timestamptz - INTERVAL '5 seconds')
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), lanes AS (
    SELECT city, site, device, lane, (4 * sum(total - pedestrian))::bigint AS flow,
           sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh,
           max(minute) + INTERVAL '1 minute' AS as_of
    FROM live GROUP BY 1, 2, 3, 4
)
SELECT coalesce(name_vi, site) || ' · ' || lane AS name, flow, speed_kmh, device, as_of
FROM lanes LEFT JOIN site USING (city, site)
ORDER BY 2 DESC, 1, 4
LIMIT 12

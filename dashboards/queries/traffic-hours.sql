-- Vehicles an hour at the busiest junctions, by hour of day in Vietnam: the last 24 full hours.
WITH hourly AS (
    SELECT city, site, bucket, extract(hour FROM bucket AT TIME ZONE 'Asia/Ho_Chi_Minh') AS hour,
           sum(total - pedestrian) AS vehicles
    FROM flow_1h
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND bucket > $__timeTo()::timestamptz - INTERVAL '25 hours'
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '1 hour'
    GROUP BY 1, 2, 3
)
SELECT coalesce(name_vi, site) AS name,
       (sum(vehicles) FILTER (WHERE hour = 0))::bigint AS h00,
       (sum(vehicles) FILTER (WHERE hour = 1))::bigint AS h01,
       (sum(vehicles) FILTER (WHERE hour = 2))::bigint AS h02,
       (sum(vehicles) FILTER (WHERE hour = 3))::bigint AS h03,
       (sum(vehicles) FILTER (WHERE hour = 4))::bigint AS h04,
       (sum(vehicles) FILTER (WHERE hour = 5))::bigint AS h05,
       (sum(vehicles) FILTER (WHERE hour = 6))::bigint AS h06,
       (sum(vehicles) FILTER (WHERE hour = 7))::bigint AS h07,
       (sum(vehicles) FILTER (WHERE hour = 8))::bigint AS h08,
       (sum(vehicles) FILTER (WHERE hour = 9))::bigint AS h09,
       (sum(vehicles) FILTER (WHERE hour = 10))::bigint AS h10,
       (sum(vehicles) FILTER (WHERE hour = 11))::bigint AS h11,
       (sum(vehicles) FILTER (WHERE hour = 12))::bigint AS h12,
       (sum(vehicles) FILTER (WHERE hour = 13))::bigint AS h13,
       (sum(vehicles) FILTER (WHERE hour = 14))::bigint AS h14,
       (sum(vehicles) FILTER (WHERE hour = 15))::bigint AS h15,
       (sum(vehicles) FILTER (WHERE hour = 16))::bigint AS h16,
       (sum(vehicles) FILTER (WHERE hour = 17))::bigint AS h17,
       (sum(vehicles) FILTER (WHERE hour = 18))::bigint AS h18,
       (sum(vehicles) FILTER (WHERE hour = 19))::bigint AS h19,
       (sum(vehicles) FILTER (WHERE hour = 20))::bigint AS h20,
       (sum(vehicles) FILTER (WHERE hour = 21))::bigint AS h21,
       (sum(vehicles) FILTER (WHERE hour = 22))::bigint AS h22,
       (sum(vehicles) FILTER (WHERE hour = 23))::bigint AS h23,
       max(bucket) + INTERVAL '1 hour' AS as_of
FROM hourly LEFT JOIN site USING (city, site)
GROUP BY city, site, name_vi
ORDER BY sum(vehicles) DESC, 1
LIMIT 20

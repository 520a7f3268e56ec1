-- Violations by weekday and hour of day in Vietnam, all of the last four full weeks together.
WITH hourly AS (
    SELECT date_bin('1 hour', time, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS start,
           count(*) AS acts
    FROM violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time >= date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh')
          - INTERVAL '672 hours'
      AND time < date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh')
    GROUP BY 1
), acts AS (
    SELECT extract(isodow FROM start AT TIME ZONE 'Asia/Ho_Chi_Minh')::integer AS weekday,
           extract(hour FROM start AT TIME ZONE 'Asia/Ho_Chi_Minh')::integer AS hour, acts
    FROM hourly
), cameras AS (
    -- What cameras see is known up to the last word of those that count traffic.
    SELECT max(least(last_time, last_received,
                   date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh')))
               FILTER (WHERE last_received IS NOT NULL) AS heard
    FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS live WHERE live.city = device.city
          AND live.site = device.site AND live.device = device.device)
)
SELECT weekday::text AS weekday,
       coalesce(sum(acts) FILTER (WHERE hour = 0), 0)::bigint AS h00,
       coalesce(sum(acts) FILTER (WHERE hour = 1), 0)::bigint AS h01,
       coalesce(sum(acts) FILTER (WHERE hour = 2), 0)::bigint AS h02,
       coalesce(sum(acts) FILTER (WHERE hour = 3), 0)::bigint AS h03,
       coalesce(sum(acts) FILTER (WHERE hour = 4), 0)::bigint AS h04,
       coalesce(sum(acts) FILTER (WHERE hour = 5), 0)::bigint AS h05,
       coalesce(sum(acts) FILTER (WHERE hour = 6), 0)::bigint AS h06,
       coalesce(sum(acts) FILTER (WHERE hour = 7), 0)::bigint AS h07,
       coalesce(sum(acts) FILTER (WHERE hour = 8), 0)::bigint AS h08,
       coalesce(sum(acts) FILTER (WHERE hour = 9), 0)::bigint AS h09,
       coalesce(sum(acts) FILTER (WHERE hour = 10), 0)::bigint AS h10,
       coalesce(sum(acts) FILTER (WHERE hour = 11), 0)::bigint AS h11,
       coalesce(sum(acts) FILTER (WHERE hour = 12), 0)::bigint AS h12,
       coalesce(sum(acts) FILTER (WHERE hour = 13), 0)::bigint AS h13,
       coalesce(sum(acts) FILTER (WHERE hour = 14), 0)::bigint AS h14,
       coalesce(sum(acts) FILTER (WHERE hour = 15), 0)::bigint AS h15,
       coalesce(sum(acts) FILTER (WHERE hour = 16), 0)::bigint AS h16,
       coalesce(sum(acts) FILTER (WHERE hour = 17), 0)::bigint AS h17,
       coalesce(sum(acts) FILTER (WHERE hour = 18), 0)::bigint AS h18,
       coalesce(sum(acts) FILTER (WHERE hour = 19), 0)::bigint AS h19,
       coalesce(sum(acts) FILTER (WHERE hour = 20), 0)::bigint AS h20,
       coalesce(sum(acts) FILTER (WHERE hour = 21), 0)::bigint AS h21,
       coalesce(sum(acts) FILTER (WHERE hour = 22), 0)::bigint AS h22,
       coalesce(sum(acts) FILTER (WHERE hour = 23), 0)::bigint AS h23,
       max(heard) AS as_of
FROM generate_series(1, 7) AS week (weekday) LEFT JOIN acts USING (weekday) CROSS JOIN cameras
WHERE EXISTS (SELECT FROM acts)
GROUP BY 1
ORDER BY 1

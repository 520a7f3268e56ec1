-- Violations proposed today in Vietnam by junction, beside a week ago up to the same time of day.
WITH asked AS (
    SELECT $__timeTo()::timestamptz AS at,
           date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh') AS day
), cameras AS (
    -- What cameras see is known up to the last word of those that count traffic.
    SELECT city, site, max(least(last_time, last_received, $__timeTo()::timestamptz))
               FILTER (WHERE last_received IS NOT NULL) AS heard
    FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS live WHERE live.city = device.city
          AND live.site = device.site AND live.device = device.device)
    GROUP BY 1, 2
), present AS (
    SELECT city, site, count(*) AS acts, max(least(time, received, at)) AS newest
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring}) AND time BETWEEN day AND at
    GROUP BY 1, 2
), past AS (
    SELECT city, site, count(*) AS acts
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time BETWEEN day - INTERVAL '168 hours' AND at - INTERVAL '168 hours'
    GROUP BY 1, 2
), surge AS (
    SELECT DISTINCT city, site, true AS surging FROM alert
    WHERE cleared_at IS NULL AND kind = 'violation_surge'
)
SELECT coalesce(name_vi, site) AS name, coalesce(present.acts, 0) AS today,
       coalesce(past.acts, 0) AS last_week,
       CASE WHEN surging THEN 'alarm' WHEN greatest(heard, newest) IS NULL THEN 'none' ELSE 'ok' END
           AS state,
       greatest(heard, newest) AS as_of
FROM cameras
FULL JOIN present USING (city, site)
FULL JOIN past USING (city, site)
LEFT JOIN surge USING (city, site)
LEFT JOIN site USING (city, site)
ORDER BY 2 DESC, 3 DESC, 1
LIMIT 12

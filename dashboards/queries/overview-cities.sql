-- Of each chosen city: its worst junction, open alerts, and how many of its devices are heard.
WITH counting AS (
-- part: counting-devices
), live AS MATERIALIZED (
    SELECT city, site, lane, minute, level
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '7 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), traffic AS (
    -- The last full minute of a junction that was heard in the last five, five seconds after the
    -- end of a minute every camera of a junction has told of it.
    SELECT counted.city, counted.site, counted.as_of, max(live.level) AS level
    FROM counted
    LEFT JOIN live ON live.city = counted.city AND live.site = counted.site
      AND counted.as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
      AND live.minute = date_trunc('minute', least(counted.as_of,
          $__timeTo()::timestamptz - INTERVAL '5 seconds')) - INTERVAL '1 minute'
    GROUP BY 1, 2, 3
), known AS (
-- part: known-devices
), devices AS (
    SELECT known.city, count(*) AS devices,
           count(*) FILTER (WHERE NOT known.alerted AND device.state IS DISTINCT FROM 'offline'
               AND device.last_received >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
           ) AS heard,
           max(least(device.last_received, $__timeTo()::timestamptz))
               FILTER (WHERE device.last_received IS NOT NULL) AS as_of
    FROM known LEFT JOIN device USING (city, site, device)
    GROUP BY 1
), junctions AS (
    SELECT city, count(*) AS junctions, max(level) AS level, max(as_of) AS as_of,
           count(*) FILTER (WHERE level >= 3) AS congested
    FROM traffic GROUP BY 1
), alerts AS (
    SELECT city, count(*) AS alerts,
           count(*) FILTER (WHERE kind NOT IN ('device_silent', 'sequence_gap')) AS dangers
    FROM alert
    WHERE cleared_at IS NULL AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1
), cities AS (
    SELECT city, max(city_name_vi) AS name
    FROM (SELECT city, site FROM known UNION SELECT city, site FROM site) AS place
    LEFT JOIN site USING (city, site)
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1
)
SELECT coalesce(cities.name, cities.city) AS name,
       CASE
           WHEN level >= 4 OR dangers > 0 OR heard < 0.9 * devices THEN 'alarm'
           WHEN level >= 3 OR alerts > 0 OR heard < devices THEN 'warn'
           WHEN devices IS NULL THEN 'none'
           ELSE 'ok'
       END AS state,
       level, coalesce(congested, 0) AS congested, coalesce(junctions, 0) AS junctions,
       coalesce(alerts, 0) AS alerts, coalesce(heard, 0) AS heard,
       coalesce(devices, 0) AS devices, coalesce(junctions.as_of, devices.as_of) AS as_of
FROM cities
LEFT JOIN junctions USING (city)
LEFT JOIN alerts USING (city)
LEFT JOIN devices USING (city)
ORDER BY 1

-- The chosen junctions on the map: traffic of the last full minute, and the worst of what is known.
WITH counting AS (
-- part: counting-devices
), live AS MATERIALIZED (
    SELECT city, site, lane, minute, level, total, pedestrian
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '7 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), traffic AS (
    -- The last full minute of a junction that was heard in the last five, five seconds after the
    -- end of a minute every camera of a junction has told of it.
    SELECT counted.city, counted.site, counted.as_of, max(live.level) AS level,
           (sum(live.total - live.pedestrian) * 60)::bigint AS flow
    FROM counted
    LEFT JOIN live ON live.city = counted.city AND live.site = counted.site
      AND counted.as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
      AND live.minute = date_trunc('minute', least(counted.as_of,
          $__timeTo()::timestamptz - INTERVAL '5 seconds')) - INTERVAL '1 minute'
    GROUP BY 1, 2, 3
), devices AS (
    SELECT city, site,
           max(least(last_received, $__timeTo()::timestamptz))
               FILTER (WHERE last_received IS NOT NULL) AS as_of,
           bool_or(state IS NOT DISTINCT FROM 'offline' OR last_received IS NULL
               OR last_received < $__timeTo()::timestamptz - INTERVAL '5 minutes') AS silent
    FROM device GROUP BY 1, 2
), alerts AS (
    SELECT city, site, bool_or(kind NOT IN ('device_silent', 'sequence_gap')) AS danger
    FROM alert WHERE cleared_at IS NULL GROUP BY 1, 2
)
SELECT site.latitude, site.longitude, site.name_vi AS name,
       CASE
           WHEN danger OR level >= 4 THEN 'alarm'
           WHEN danger IS NOT NULL OR silent OR level >= 3 THEN 'warn'
           WHEN devices.as_of IS NULL THEN 'none'
           -- A junction that counts traffic, but not now.
           WHEN traffic.site IS NOT NULL AND flow IS NULL THEN 'none'
           ELSE 'ok'
       END AS state,
       flow AS value, coalesce(traffic.as_of, devices.as_of) AS as_of
FROM site
LEFT JOIN traffic USING (city, site)
LEFT JOIN devices USING (city, site)
LEFT JOIN alerts USING (city, site)
WHERE site.city IN (${city:sqlstring}) AND site.site IN (${site:sqlstring})
ORDER BY site.city, site.site

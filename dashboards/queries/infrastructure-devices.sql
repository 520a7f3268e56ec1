-- How many of the chosen devices are heard, what they miss, and what waits in their spools.
WITH known AS (
-- part: known-devices
), counted AS (
    SELECT count(*) AS devices,
           count(*) FILTER (WHERE NOT known.alerted AND device.state IS DISTINCT FROM 'offline'
               AND device.last_received >= $__timeTo()::timestamptz - INTERVAL '5 minutes') AS heard,
           -- least() of nothing and now would be now.
           max(least(device.last_received, $__timeTo()::timestamptz))
               FILTER (WHERE device.last_received IS NOT NULL) AS as_of
    FROM known LEFT JOIN device USING (city, site, device)
), gaps AS (
    SELECT coalesce(sum(missing), 0)::bigint AS missing FROM sequence_gap
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), spools AS (
    SELECT coalesce(sum(depth), 0)::bigint AS waiting
    FROM (
        SELECT DISTINCT ON (city, site, device) spool_depth AS depth FROM health_1m
        WHERE bucket > $__timeTo()::timestamptz - INTERVAL '10 minutes'
          AND bucket <= $__timeTo()::timestamptz AND spool_depth IS NOT NULL
          AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
        ORDER BY city, site, device, bucket DESC
    ) AS newest
)
SELECT CASE
           WHEN devices = 0 THEN 'none'
           WHEN heard < 0.9 * devices THEN 'alarm'
           WHEN heard < devices OR missing > 0 THEN 'warn'
           ELSE 'ok'
       END AS state,
       nullif(devices, 0) AS devices, CASE WHEN devices > 0 THEN heard END AS heard,
       CASE WHEN devices > 0 THEN devices - heard END AS silent,
       CASE WHEN devices > 0 THEN missing END AS missing,
       CASE WHEN devices > 0 THEN waiting END AS waiting, as_of
FROM counted CROSS JOIN gaps CROSS JOIN spools

-- How often pictures stood still in the time looked at, by junction, the worst six.
WITH step AS (
    SELECT city, site, bucket, stalls, lag(stalls) OVER boot AS before
    FROM health_15m
    WHERE bucket >= $__timeFrom()::timestamptz AND bucket <= $__timeTo()::timestamptz
      AND stalls IS NOT NULL
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    WINDOW boot AS (PARTITION BY city, site, device ORDER BY bucket)
), counted AS (
    -- A device's counter begins again with it: a smaller one is all new.
    SELECT city, site, max(bucket) AS as_of,
           coalesce(sum(CASE WHEN stalls >= before THEN stalls - before
                             WHEN before IS NOT NULL THEN stalls END), 0)::bigint AS stalls
    FROM step GROUP BY 1, 2
)
SELECT coalesce(site.name_vi, counted.site) AS name, counted.stalls,
       CASE WHEN counted.stalls >= 20 THEN 'alarm' WHEN counted.stalls >= 1 THEN 'warn'
            ELSE 'ok' END AS state,
       counted.as_of
FROM counted
LEFT JOIN site USING (city, site)
ORDER BY counted.stalls DESC, 1, counted.city, counted.site
LIMIT 6

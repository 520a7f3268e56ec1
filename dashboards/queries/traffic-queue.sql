-- The longest queue at each of the chosen junctions in its last five full minutes.
WITH counting AS (
-- part: counting-devices
), live AS MATERIALIZED (
    SELECT city, site, lane, minute, queue_m
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '12 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), last_minute AS (
-- part: last-minute
), queues AS (
    SELECT last.city, last.site, last.as_of, max(live.queue_m) AS queue_m,
           (array_agg(live.lane ORDER BY live.queue_m DESC NULLS LAST, live.lane))[1] AS lane
    FROM last_minute AS last
    LEFT JOIN live ON live.city = last.city AND live.site = last.site
      AND live.minute > last.minute - INTERVAL '5 minutes' AND live.minute <= last.minute
    GROUP BY 1, 2, 3
)
SELECT coalesce(site.name_vi, queues.site) AS name, queue_m,
       CASE WHEN queue_m IS NOT NULL THEN lane END AS lane,
       CASE
           -- A queue is too long for its lane: only the site file knows, so the alert tells.
           WHEN EXISTS (SELECT FROM alert WHERE cleared_at IS NULL AND kind = 'queue_spillback'
               AND alert.city = queues.city AND alert.site = queues.site) THEN 'alarm'
           WHEN queue_m IS NULL THEN 'none'
           ELSE 'ok'
       END AS state,
       as_of
FROM queues LEFT JOIN site USING (city, site)
ORDER BY queue_m DESC NULLS LAST, 1
LIMIT 12

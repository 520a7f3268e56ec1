-- The longest queue at each of the chosen junctions in its last five full minutes.
WITH counting AS (
    -- What counts traffic: whatever did so in the 90 days that minutes are kept.
    SELECT city, site, device FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS ever WHERE ever.city = device.city
          AND ever.site = device.site AND ever.device = device.device)
), counted AS (
    SELECT counting.city, counting.site, max(newest.time) AS as_of
    FROM counting
    LEFT JOIN LATERAL (
        -- A device's clock that runs ahead gains nothing.
        SELECT least(flow.time, flow.received, $__timeTo()::timestamptz) AS time FROM flow
        WHERE flow.city = counting.city AND flow.site = counting.site
          AND flow.device = counting.device
          AND flow.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY flow.time DESC LIMIT 1
    ) AS newest ON true
    GROUP BY 1, 2
), live AS MATERIALIZED (
    SELECT city, site, lane, minute, queue_m
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '12 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), last_minute AS (
    -- Five seconds after the end of a minute every camera of a junction has told of it. One that
    -- was silent for five minutes has none.
    SELECT city, site, as_of, CASE
        WHEN as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
        THEN date_trunc('minute', least(as_of, $__timeTo()::timestamptz - INTERVAL '5 seconds'))
            - INTERVAL '1 minute'
    END AS minute
    FROM counted
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

-- Traffic of the chosen junctions in their last full minute, the worst first.
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
    SELECT city, site, lane, minute, level, total, pedestrian, speed_sum, speed_weight
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '7 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), traffic AS (
    -- The last full minute of a junction that was heard in the last five, five seconds after the
    -- end of a minute every camera of a junction has told of it.
    SELECT counted.city, counted.site, counted.as_of, max(live.level) AS level,
           sum(live.speed_sum) / nullif(sum(live.speed_weight), 0)::double precision AS speed_kmh,
           (sum(live.total - live.pedestrian) * 60)::bigint AS flow,
           nullif(count(live.lane), 0) AS lanes,
           CASE WHEN count(live.lane) > 0 THEN count(*) FILTER (WHERE live.level >= 3) END
               AS congested
    FROM counted
    LEFT JOIN live ON live.city = counted.city AND live.site = counted.site
      AND counted.as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
      AND live.minute = date_trunc('minute', least(counted.as_of,
          $__timeTo()::timestamptz - INTERVAL '5 seconds')) - INTERVAL '1 minute'
    GROUP BY 1, 2, 3
)
SELECT coalesce(site.name_vi, traffic.site) AS name, state, level, speed_kmh, flow, congested,
       lanes, as_of
FROM traffic
LEFT JOIN site USING (city, site)
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN level IS NULL THEN 'none'
        WHEN level >= 4 THEN 'alarm'
        WHEN level >= 3 THEN 'warn'
        ELSE 'ok'
    END AS state
) AS judged
ORDER BY array_position(ARRAY['alarm', 'warn', 'none', 'ok'], state), level DESC NULLS LAST,
         flow DESC NULLS LAST, 1

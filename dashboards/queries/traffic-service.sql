-- Level of service of the chosen junctions now, and their flow beside that of a week before.
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
    SELECT city, site, minute, level, speed_sum, speed_weight, total - pedestrian AS vehicles
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '22 minutes'
      AND minute <= $__timeTo()::timestamptz AND city IN (${city:sqlstring})
      AND site IN (${site:sqlstring})
), before AS MATERIALIZED (
    SELECT city, site, minute + INTERVAL '168 hours' AS minute, total - pedestrian AS vehicles
    FROM flow_minute
    WHERE minute > $__timeTo()::timestamptz - INTERVAL '168 hours 22 minutes'
      AND minute <= $__timeTo()::timestamptz - INTERVAL '168 hours'
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), last_minute AS (
    -- Five seconds after the end of a minute every camera of a junction has told of it. One that
    -- was silent for five minutes has none.
    SELECT city, site, as_of, CASE
        WHEN as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
        THEN date_trunc('minute', least(as_of, $__timeTo()::timestamptz - INTERVAL '5 seconds'))
            - INTERVAL '1 minute'
    END AS minute
    FROM counted
), minutes AS (
    SELECT last.city, last.site, last.as_of, live.minute, live.minute = last.minute AS is_last,
           max(live.level) AS level, sum(live.speed_sum) AS speed_sum,
           sum(live.speed_weight) AS speed_weight, sum(live.vehicles) AS vehicles
    FROM last_minute AS last
    LEFT JOIN live ON live.city = last.city AND live.site = last.site
      AND live.minute > last.minute - INTERVAL '15 minutes' AND live.minute <= last.minute
    GROUP BY 1, 2, 3, 4, 5
), traffic AS (
    SELECT city, site, as_of, max(level) FILTER (WHERE is_last) AS level,
           CASE WHEN count(minute) > 0 THEN count(*) FILTER (WHERE level >= 3) END
               AS congested_min,
           sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh,
           (4 * sum(vehicles))::bigint AS flow
    FROM minutes GROUP BY 1, 2, 3
), week AS (
    SELECT last.city, last.site, (4 * sum(before.vehicles))::bigint AS last_week
    FROM last_minute AS last
    JOIN before ON before.city = last.city AND before.site = last.site
      AND before.minute > last.minute - INTERVAL '15 minutes' AND before.minute <= last.minute
    GROUP BY 1, 2
)
SELECT coalesce(site.name_vi, traffic.site) AS name, state, level, congested_min, speed_kmh, flow,
       last_week, as_of
FROM traffic
LEFT JOIN week USING (city, site)
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
         congested_min DESC NULLS LAST, 1

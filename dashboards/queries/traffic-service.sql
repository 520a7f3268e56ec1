-- Level of service of the chosen junctions now, and their flow beside that of a week before.
WITH counting AS (
-- part: counting-devices
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
-- part: last-minute
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

-- Traffic of the chosen junctions in their last full minute, the worst first.
WITH counting AS (
-- part: counting-devices
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

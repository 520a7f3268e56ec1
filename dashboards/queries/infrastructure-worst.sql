-- The six devices that are worst off, each with its worst trouble.
WITH known AS (
    -- A device that a site file names and that was never heard has no row, but an alert.
    SELECT city, site, device, bool_or(kind = 'device_silent') AS silence,
           bool_or(kind = 'sequence_gap') AS gap
    FROM (
        SELECT city, site, device, NULL AS kind FROM device
        UNION ALL
        SELECT city, site, device, kind FROM alert
        WHERE cleared_at IS NULL AND kind IN ('device_silent', 'sequence_gap')
          AND device IS NOT NULL
    ) AS named
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1, 2, 3
), gaps AS (
    SELECT city, site, device, sum(missing) AS missing FROM sequence_gap GROUP BY 1, 2, 3
), newest AS (
    SELECT DISTINCT ON (city, site, device) city, site, device, spool_depth, clock_offset_ms
    FROM health_1m
    WHERE bucket > $__timeTo()::timestamptz - INTERVAL '10 minutes'
      AND bucket <= $__timeTo()::timestamptz
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    ORDER BY city, site, device, bucket DESC
), grown AS (
    -- Counters of a device begin again with it: a smaller one is all new.
    SELECT city, site, device,
           sum(CASE WHEN stalls >= stalls_before THEN stalls - stalls_before
                    WHEN stalls_before IS NOT NULL THEN stalls END) AS stalls,
           sum(CASE WHEN dropped >= dropped_before THEN dropped - dropped_before
                    WHEN dropped_before IS NOT NULL THEN dropped END) AS dropped
    FROM (
        SELECT city, site, device, stalls, dropped_events AS dropped,
               lag(stalls) OVER boot AS stalls_before,
               lag(dropped_events) OVER boot AS dropped_before
        FROM health_15m
        WHERE bucket > $__timeTo()::timestamptz - INTERVAL '75 minutes'
          AND bucket <= $__timeTo()::timestamptz
          AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
        WINDOW boot AS (PARTITION BY city, site, device ORDER BY bucket)
    ) AS step
    GROUP BY 1, 2, 3
), seen AS (
    SELECT known.*, device.last_received,
           known.silence IS TRUE OR device.state IS NOT DISTINCT FROM 'offline'
               OR device.last_received IS NULL
               OR device.last_received < $__timeTo()::timestamptz - INTERVAL '5 minutes' AS silent,
           gaps.missing, newest.spool_depth, newest.clock_offset_ms, grown.stalls, grown.dropped
    FROM known
    LEFT JOIN device USING (city, site, device)
    LEFT JOIN gaps USING (city, site, device)
    LEFT JOIN newest USING (city, site, device)
    LEFT JOIN grown USING (city, site, device)
), judged AS (
    SELECT DISTINCT ON (city, site, device) city, site, device, last_received, trouble.*
    FROM seen
    CROSS JOIN LATERAL (VALUES
        (1, 'silent', extract(epoch FROM $__timeTo()::timestamptz - last_received)::double precision
            / 60, CASE WHEN silent THEN 'alarm' END),
        (2, 'dropped', dropped::double precision, CASE WHEN dropped > 0 THEN 'alarm' END),
        (3, 'missing', missing::double precision,
            CASE WHEN gap THEN 'alarm' WHEN missing > 0 THEN 'warn' END),
        (4, 'spool', spool_depth::double precision,
            CASE WHEN spool_depth >= 5000 THEN 'alarm' WHEN spool_depth >= 500 THEN 'warn' END),
        (5, 'stalls', stalls::double precision,
            CASE WHEN stalls >= 6 THEN 'alarm' WHEN stalls >= 1 THEN 'warn' END),
        (6, 'clock', clock_offset_ms,
            CASE WHEN clock_offset_ms >= 1000 THEN 'alarm'
                 WHEN clock_offset_ms >= 100 THEN 'warn' END),
        (7, 'well', NULL, 'ok')
    ) AS trouble (rank, trouble, amount, state)
    WHERE trouble.state IS NOT NULL
    ORDER BY city, site, device, array_position(ARRAY['alarm', 'warn', 'ok'], trouble.state),
             trouble.rank
)
SELECT coalesce(site.name_vi, judged.site) AS place, judged.device AS name, judged.state,
       judged.trouble, judged.amount,
       -- least() of nothing and now would be now.
       CASE WHEN judged.last_received IS NOT NULL
            THEN least(judged.last_received, $__timeTo()::timestamptz) END AS as_of
FROM judged
LEFT JOIN site USING (city, site)
ORDER BY array_position(ARRAY['alarm', 'warn', 'ok'], judged.state), judged.rank,
         judged.amount DESC NULLS FIRST, judged.city, judged.site, judged.device
LIMIT 6

-- Of each quantity the sensor that is worst off against its limit, by its newest good value.
WITH placed AS (
    SELECT city, site, device, quantity, unit, raise_at, coalesce(clear_at, raise_at) AS clear_at
    FROM sensor
    UNION ALL
    -- A device that no site file names has no limit, but is no less there.
    SELECT device.city, device.site, device.device, named.quantity, NULL, NULL, NULL
    FROM device
    CROSS JOIN LATERAL (
        -- Its quantities, one step through the index each.
        WITH RECURSIVE step AS (
            SELECT min(r.quantity) AS quantity FROM reading AS r
            WHERE (r.city, r.site, r.device) = (device.city, device.site, device.device)
              AND r.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
            UNION ALL
            SELECT (SELECT min(r.quantity) FROM reading AS r
                    WHERE (r.city, r.site, r.device) = (device.city, device.site, device.device)
                      AND r.quantity > step.quantity
                      AND r.time > $__timeTo()::timestamptz - INTERVAL '24 hours')
            FROM step WHERE step.quantity IS NOT NULL
        )
        SELECT quantity FROM step WHERE quantity IS NOT NULL
    ) AS named
    WHERE NOT EXISTS (
        SELECT FROM sensor
        WHERE (sensor.city, sensor.site, sensor.device)
              = (device.city, device.site, device.device)
    )
), measured AS (
    SELECT placed.*, coalesce(newest.unit, placed.unit) AS said_unit, newest.value, newest.as_of,
           newest.as_of >= $__timeTo()::timestamptz - INTERVAL '30 minutes' AS fresh,
           EXISTS (
               SELECT FROM alert
               WHERE alert.cleared_at IS NULL AND alert.raised_at <= $__timeTo()::timestamptz
                 AND alert.kind NOT IN ('device_silent', 'sequence_gap')
                 AND alert.subject = concat_ws('/', placed.city, placed.site, placed.device)
           ) AS alerted
    FROM placed
    LEFT JOIN LATERAL (
        -- A clock that runs ahead gains nothing.
        SELECT r.value, r.unit, least(r.time, r.received, $__timeTo()::timestamptz) AS as_of FROM reading AS r
        WHERE (r.city, r.site, r.device, r.quantity)
              = (placed.city, placed.site, placed.device, placed.quantity)
          AND r.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
          AND r.time <= $__timeTo()::timestamptz + INTERVAL '5 minutes'
          AND r.quality = 'good'
        ORDER BY r.time DESC LIMIT 1
    ) AS newest ON true
    WHERE placed.city IN (${city:sqlstring}) AND placed.site IN (${site:sqlstring})
      AND placed.quantity NOT LIKE 'gov.%'
), judged AS (
    SELECT *, value / nullif(greatest(raise_at, 0), 0) AS share,
           CASE WHEN alerted THEN 'alarm'
                WHEN fresh IS NOT TRUE OR raise_at IS NULL THEN 'none'
                WHEN value >= raise_at THEN 'alarm'
                WHEN value >= clear_at THEN 'warn'
                ELSE 'ok' END AS state
    FROM measured
), worst AS (
    SELECT DISTINCT ON (quantity) *,
           count(*) FILTER (WHERE fresh) OVER (PARTITION BY quantity) AS heard,
           count(*) OVER (PARTITION BY quantity) AS total
    FROM judged
    ORDER BY quantity, array_position(ARRAY['alarm', 'warn', 'ok', 'none'], state),
             fresh DESC NULLS LAST, share DESC NULLS LAST, value DESC NULLS LAST, city, site, device
)
SELECT worst.quantity, worst.state, worst.value, worst.said_unit AS unit, worst.raise_at,
       worst.share, coalesce(site.name_vi, worst.site) AS place, worst.heard, worst.total,
       worst.as_of
FROM worst
LEFT JOIN site USING (city, site)
ORDER BY array_position(ARRAY['alarm', 'warn', 'ok', 'none'], worst.state),
         array_position(ARRAY['water_level', 'rain', 'salinity', 'pm2_5', 'noise'], worst.quantity),
         worst.quantity
LIMIT 6

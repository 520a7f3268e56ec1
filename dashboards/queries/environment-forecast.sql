-- Water levels of the next six hours at the four gauges most at risk, and the error of the method.
-- The tide of one tidal day before (24 h 50 min, here 24 h 45 min: 99 quarters of an hour) is moved
-- up or down to the level of now. In the simulator's canals this misses by 0.06 m at 3 hours, a
-- straight line through the last 3 hours by 0.32 m, the level of now by 0.24 m. Its error here is the
-- root mean square of what it missed by over the last seven days at the same gauge and horizon, told
-- at each full hour: with shift(t) = level(t) - level(t - 24 h 45 min) it missed by
-- shift(t) - shift(t - horizon).
WITH gauge AS (
    -- From the newest full quarter of an hour, which may have ended half an hour ago and no more.
    SELECT DISTINCT ON (city, site, device) city, site, device, bucket AS base, value,
           sensor.raise_at, coalesce(sensor.name_vi, site || '/' || device) AS name
    FROM reading_15m
    LEFT JOIN (SELECT * FROM sensor WHERE quantity = 'water_level') AS sensor
        USING (city, site, device)
    WHERE reading_15m.quantity = 'water_level' AND value IS NOT NULL
      AND bucket >= $__timeTo()::timestamptz - INTERVAL '45 minutes'
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '15 minutes'
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    ORDER BY city, site, device, bucket DESC
), past AS (
    SELECT city, site, device, bucket, value
    FROM reading_15m
    WHERE quantity = 'water_level' AND value IS NOT NULL
      AND bucket >= $__timeTo()::timestamptz - INTERVAL '25 hours 30 minutes'
      AND bucket <= $__timeTo()::timestamptz - INTERVAL '19 hours'
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), tide AS (
    SELECT gauge.city, gauge.site, gauge.device,
           gauge.value - max(past.value) FILTER (WHERE ahead.time = INTERVAL '0') AS moved,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '1 hour') AS t1,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '2 hours') AS t2,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '3 hours') AS t3,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '4 hours') AS t4,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '5 hours') AS t5,
           max(past.value) FILTER (WHERE ahead.time = INTERVAL '6 hours') AS t6
    FROM gauge
    JOIN past USING (city, site, device)
    CROSS JOIN LATERAL (
        SELECT past.bucket + INTERVAL '24 hours 45 minutes' - gauge.base AS time
    ) AS ahead
    GROUP BY gauge.city, gauge.site, gauge.device, gauge.value
), risk AS (
    SELECT gauge.*, t1 + moved AS h1, t2 + moved AS h2, t3 + moved AS h3,
           t4 + moved AS h4, t5 + moved AS h5, t6 + moved AS h6,
           greatest(t1, t2, t3, t4, t5, t6) + moved AS top
    FROM gauge LEFT JOIN tide USING (city, site, device)
    ORDER BY (greatest(t1, t2, t3, t4, t5, t6) + moved)
                 / nullif(greatest(gauge.raise_at, 0), 0) DESC NULLS LAST,
             gauge.value / nullif(greatest(gauge.raise_at, 0), 0) DESC NULLS LAST,
             gauge.value DESC, gauge.city, gauge.site, gauge.device
    LIMIT 4
), shift AS (
    SELECT risk.city, risk.site, risk.device, level.bucket, level.second,
           level.value - first_value(level.value) OVER tidal_day AS moved
    FROM risk
    CROSS JOIN LATERAL (
        -- Full hours, and the quarters past them a tidal day before.
        SELECT bucket, value, extract(epoch FROM bucket)::bigint % 3600 AS second
        FROM reading_15m AS r
        WHERE r.city = risk.city AND r.site = risk.site AND r.device = risk.device
          AND r.quantity = 'water_level' AND r.value IS NOT NULL
          AND extract(epoch FROM bucket)::bigint % 3600 IN (0, 900)
          AND r.bucket > $__timeTo()::timestamptz - INTERVAL '8 days 7 hours'
          AND r.bucket <= $__timeTo()::timestamptz - INTERVAL '15 minutes'
        OFFSET 0 -- four looks into an index, and not one over all gauges
    ) AS level
    WINDOW tidal_day AS (
        PARTITION BY risk.city, risk.site, risk.device ORDER BY level.bucket
        RANGE BETWEEN INTERVAL '24 hours 45 minutes' PRECEDING
            AND INTERVAL '24 hours 45 minutes' PRECEDING
    )
), missed AS (
    SELECT city, site, device, bucket,
           moved - first_value(moved) OVER before_1 AS m1,
           moved - first_value(moved) OVER before_2 AS m2,
           moved - first_value(moved) OVER before_3 AS m3,
           moved - first_value(moved) OVER before_4 AS m4,
           moved - first_value(moved) OVER before_5 AS m5,
           moved - first_value(moved) OVER before_6 AS m6
    FROM shift
    WHERE second = 0
    WINDOW
        gauge AS (PARTITION BY city, site, device ORDER BY bucket),
        before_1 AS (gauge RANGE BETWEEN INTERVAL '1 hour' PRECEDING
            AND INTERVAL '1 hour' PRECEDING),
        before_2 AS (gauge RANGE BETWEEN INTERVAL '2 hours' PRECEDING
            AND INTERVAL '2 hours' PRECEDING),
        before_3 AS (gauge RANGE BETWEEN INTERVAL '3 hours' PRECEDING
            AND INTERVAL '3 hours' PRECEDING),
        before_4 AS (gauge RANGE BETWEEN INTERVAL '4 hours' PRECEDING
            AND INTERVAL '4 hours' PRECEDING),
        before_5 AS (gauge RANGE BETWEEN INTERVAL '5 hours' PRECEDING
            AND INTERVAL '5 hours' PRECEDING),
        before_6 AS (gauge RANGE BETWEEN INTERVAL '6 hours' PRECEDING
            AND INTERVAL '6 hours' PRECEDING)
), error AS (
    -- Less than a day of comparisons says nothing of the method.
    SELECT city, site, device,
           CASE WHEN count(m1) >= 24 THEN sqrt(avg(m1 ^ 2)) END AS error_1,
           CASE WHEN count(m2) >= 24 THEN sqrt(avg(m2 ^ 2)) END AS error_2,
           CASE WHEN count(m3) >= 24 THEN sqrt(avg(m3 ^ 2)) END AS error_3,
           CASE WHEN count(m4) >= 24 THEN sqrt(avg(m4 ^ 2)) END AS error_4,
           CASE WHEN count(m5) >= 24 THEN sqrt(avg(m5 ^ 2)) END AS error_5,
           CASE WHEN count(m6) >= 24 THEN sqrt(avg(m6 ^ 2)) END AS error_6
    FROM missed
    WHERE bucket > $__timeTo()::timestamptz - INTERVAL '7 days'
    GROUP BY 1, 2, 3
)
SELECT risk.name,
       CASE WHEN told.alarm THEN 'alarm' WHEN told.warn THEN 'warn'
            WHEN told.unknown THEN 'none' ELSE 'ok' END AS state,
       risk.value, risk.h1, risk.h2, risk.h3, risk.h4, risk.h5, risk.h6,
       error.error_1, error.error_6, risk.raise_at, risk.base + INTERVAL '15 minutes' AS as_of
FROM risk
LEFT JOIN error USING (city, site, device)
CROSS JOIN LATERAL (
    SELECT bool_or(level >= risk.raise_at) AS alarm,
           bool_or(level + 2 * error >= risk.raise_at) AS warn,
           bool_or(level IS NULL OR error IS NULL OR risk.raise_at IS NULL) AS unknown
    FROM (VALUES (risk.h1, error.error_1), (risk.h2, error.error_2), (risk.h3, error.error_3),
                 (risk.h4, error.error_4), (risk.h5, error.error_5), (risk.h6, error.error_6)
    ) AS hour (level, error)
) AS told
ORDER BY told.alarm DESC NULLS LAST, told.warn DESC NULLS LAST,
         risk.top / nullif(greatest(risk.raise_at, 0), 0) DESC NULLS LAST, risk.value DESC,
         risk.city, risk.site, risk.device

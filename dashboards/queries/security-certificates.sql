-- Certificates by the days that are left to them, the first to end on top.
WITH RECURSIVE step AS (
    -- Each certificate that was told of in the last day, one step through the index each.
    (SELECT part, label FROM core_figure AS c
     WHERE c.figure = 'certificate_up' AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
     ORDER BY part, label LIMIT 1)
    UNION ALL
    SELECT next.part, next.label
    FROM step
    CROSS JOIN LATERAL (
        SELECT part, label FROM core_figure AS c
        WHERE c.figure = 'certificate_up' AND (c.part, c.label) > (step.part, step.label)
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY part, label LIMIT 1
    ) AS next
), looked AS (
    SELECT step.part, step.label, up.time, up.value AS up, days.value AS days,
           up.time >= $__timeTo()::timestamptz - INTERVAL '5 minutes' AS fresh
    FROM step
    CROSS JOIN LATERAL (
        SELECT time, value FROM core_figure AS c
        WHERE c.figure = 'certificate_up' AND c.part = step.part AND c.label = step.label
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
          AND c.time <= $__timeTo()::timestamptz
        ORDER BY time DESC LIMIT 1
    ) AS up
    LEFT JOIN LATERAL (
        SELECT value FROM core_figure AS c
        WHERE c.figure = 'certificate_days' AND c.part = step.part AND c.label = step.label
          AND c.time >= up.time AND c.time <= $__timeTo()::timestamptz
        ORDER BY time DESC LIMIT 1
    ) AS days ON true
)
SELECT label AS name,
       CASE WHEN NOT fresh THEN 'none'
            WHEN up = 0 OR days IS NULL OR days < 7 THEN 'alarm'
            WHEN days < 30 THEN 'warn'
            ELSE 'ok' END AS state,
       days, part AS place, time AS as_of
FROM looked
ORDER BY array_position(ARRAY['alarm', 'warn', 'none', 'ok'],
             CASE WHEN NOT fresh THEN 'none'
                  WHEN up = 0 OR days IS NULL OR days < 7 THEN 'alarm'
                  WHEN days < 30 THEN 'warn'
                  ELSE 'ok' END),
         days NULLS FIRST, name, place
LIMIT 6

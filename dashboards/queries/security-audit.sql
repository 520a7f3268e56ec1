-- The audit's chain: lines followed, what is wrong with it, and for how many days none was signed.
WITH RECURSIVE figures (figure) AS (
    VALUES ('audit_lines'), ('audit_faults')
), step AS (
    -- Each console, one step through the index each.
    SELECT figures.figure, first.part
    FROM figures
    CROSS JOIN LATERAL (
        SELECT part FROM core_figure AS c
        WHERE c.figure = figures.figure AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY part LIMIT 1
    ) AS first
    UNION ALL
    SELECT step.figure, next.part
    FROM step
    CROSS JOIN LATERAL (
        SELECT part FROM core_figure AS c
        WHERE c.figure = step.figure AND c.part > step.part
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY part LIMIT 1
    ) AS next
), newest AS (
    SELECT DISTINCT ON (step.figure) step.figure, last.time, last.value
    FROM step
    CROSS JOIN LATERAL (
        SELECT time, value FROM core_figure AS c
        WHERE c.figure = step.figure AND c.part = step.part AND c.label = ''
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
          AND c.time <= $__timeTo()::timestamptz
        ORDER BY time DESC LIMIT 1
    ) AS last
    ORDER BY step.figure, last.time DESC
), followed AS (
    SELECT max(value) FILTER (WHERE figure = 'audit_lines') AS lines,
           max(value) FILTER (WHERE figure = 'audit_faults') AS faults,
           max(time) FILTER (WHERE figure = 'audit_faults') AS as_of
    FROM newest
), signed AS (
    SELECT max(day) AS day FROM audit_root WHERE signed <= $__timeTo()::timestamptz
), unsigned AS (
    -- The oldest line behind the newest signed day, a day without lines has nothing to sign.
    SELECT line.at
    FROM signed
    CROSS JOIN LATERAL (
        SELECT at FROM audit
        WHERE at >= coalesce((signed.day + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh',
                             '-infinity')
          AND at <= $__timeTo()::timestamptz
        ORDER BY at LIMIT 1
    ) AS line
), told AS (
    SELECT followed.*,
           CASE WHEN followed.as_of IS NOT NULL THEN
               coalesce(date($__timeTo()::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')
                        - date(unsigned.at AT TIME ZONE 'Asia/Ho_Chi_Minh'), 0)
           END AS days
    FROM followed LEFT JOIN unsigned ON true
)
SELECT CASE WHEN faults > 0 THEN 'alarm'
            WHEN as_of IS NULL OR as_of < $__timeTo()::timestamptz - INTERVAL '15 minutes' THEN 'none'
            WHEN days > 3 THEN 'alarm'
            WHEN days > 1 THEN 'warn'
            ELSE 'ok' END AS state,
       faults, lines, days AS unsigned, as_of
FROM told

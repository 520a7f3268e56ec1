-- The audit's chain: lines followed, what is wrong with it, and for how many days none was signed.
WITH RECURSIVE figures (figure) AS (
    VALUES ('audit_lines'), ('audit_faults')
-- part: newest-figures
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

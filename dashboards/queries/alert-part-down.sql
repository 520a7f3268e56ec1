-- 1 for each part of the core that answers, 0 for one that does not or that nobody looked at for two
-- minutes. A part that was not heard of for seven days has been taken away.
WITH RECURSIVE step AS (
    (SELECT part FROM core_figure WHERE figure = 'up' ORDER BY part LIMIT 1)
    UNION ALL
    SELECT next.part
    FROM step
    CROSS JOIN LATERAL (
        SELECT part FROM core_figure AS c
        WHERE c.figure = 'up' AND c.part > step.part ORDER BY part LIMIT 1
    ) AS next
)
SELECT step.part,
       CASE WHEN newest.time >= $__timeTo()::timestamptz - INTERVAL '2 minutes' THEN newest.value
            ELSE 0 END AS value
FROM step
CROSS JOIN LATERAL (
    SELECT time, value FROM core_figure AS c
    WHERE c.figure = 'up' AND c.part = step.part AND c.label = ''
      AND c.time > $__timeTo()::timestamptz - INTERVAL '7 days'
      AND c.time <= $__timeTo()::timestamptz
    ORDER BY time DESC LIMIT 1
) AS newest
ORDER BY 1

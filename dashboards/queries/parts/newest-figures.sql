-- After `figures`: the newest value of each, whichever console said it, as `newest`.
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

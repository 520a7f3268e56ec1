-- Failed log-ins by the hour, and how many an hour are too many.
WITH span AS (
    SELECT date_bin(INTERVAL '1 hour', $__timeFrom()::timestamptz,
                    TIMESTAMPTZ '2000-01-03 00:00:00+00') AS start
), hours AS (
    -- Up to the newest line: after it nobody has written down whether there were any.
    SELECT generate_series(span.start, newest.at, INTERVAL '1 hour') AS time
    FROM span
    CROSS JOIN (
        SELECT at FROM audit WHERE at <= $__timeTo()::timestamptz ORDER BY at DESC LIMIT 1
    ) AS newest
), refused AS (
    SELECT date_bin(INTERVAL '1 hour', at, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS time,
           count(*) AS refused
    FROM audit
    WHERE at >= (SELECT start FROM span) AND at <= $__timeTo()::timestamptz
      AND action = 'session.refused'
    GROUP BY 1
)
SELECT hours.time, 'refused' AS metric,
       coalesce(refused.refused, 0)::double precision AS value
FROM hours LEFT JOIN refused USING (time)
UNION ALL
SELECT time, '~limit', 20::double precision FROM hours
ORDER BY 1, 2

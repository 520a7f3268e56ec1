-- What other systems have not been told yet, by system, says so when everything was told.
WITH waiting AS (
    SELECT target, count(*) AS waiting, count(*) FILTER (WHERE attempts > 0) AS failing,
           min(created) AS oldest
    FROM webhook_delivery
    WHERE delivered IS NULL AND abandoned IS NULL AND created <= $__timeTo()::timestamptz
    GROUP BY 1
), given_up AS (
    SELECT target, count(*) AS abandoned
    FROM webhook_delivery
    WHERE abandoned > $__timeTo()::timestamptz - INTERVAL '7 days'
      AND abandoned <= $__timeTo()::timestamptz
    GROUP BY 1
), watched AS (
    -- Whoever tells them is the console, which says something of itself once a minute.
    SELECT max(time) AS as_of FROM core_figure
    WHERE figure = 'refused_programs' AND label = ''
      AND time > $__timeTo()::timestamptz - INTERVAL '24 hours'
      AND time <= $__timeTo()::timestamptz
)
SELECT target AS name,
       CASE WHEN abandoned > 0 THEN 'alarm' WHEN failing > 0 THEN 'warn' ELSE 'ok' END AS state,
       coalesce(waiting, 0) AS waiting, coalesce(failing, 0) AS failing,
       coalesce(abandoned, 0) AS abandoned,
       extract(epoch FROM $__timeTo()::timestamptz - oldest)::double precision AS age_s,
       watched.as_of
FROM waiting FULL JOIN given_up USING (target) CROSS JOIN watched
UNION ALL
SELECT 'nothing',
       CASE WHEN as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes' THEN 'ok' ELSE 'none' END,
       0, 0, 0, NULL, as_of
FROM watched
WHERE NOT EXISTS (SELECT FROM waiting) AND NOT EXISTS (SELECT FROM given_up)
ORDER BY 5 DESC, 4 DESC, 3 DESC, 1
LIMIT 6

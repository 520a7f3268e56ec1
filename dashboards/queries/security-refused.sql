-- Devices and programs turned away in the last 24 hours, by reason, says so when there were none.
WITH counted AS (
    SELECT reason, count(*)::double precision AS refused, max(received) AS as_of
    FROM dead_letter
    WHERE received > $__timeTo()::timestamptz - INTERVAL '24 hours'
      AND received <= $__timeTo()::timestamptz AND reason IN ('identity', 'bad_topic')
    GROUP BY 1
    UNION ALL
    SELECT label, sum(value), max(time)
    FROM core_figure
    WHERE figure = 'refused_programs' AND label <> '' AND value > 0
      AND time > $__timeTo()::timestamptz - INTERVAL '24 hours'
      AND time <= $__timeTo()::timestamptz
    GROUP BY 1
), watched AS (
    -- That there were none is known from when the console last said so.
    SELECT max(time) AS as_of FROM core_figure
    WHERE figure = 'refused_programs' AND label = ''
      AND time > $__timeTo()::timestamptz - INTERVAL '24 hours'
      AND time <= $__timeTo()::timestamptz
)
SELECT reason, refused,
       CASE WHEN refused >= 100 THEN 'alarm' WHEN refused >= 1 THEN 'warn' ELSE 'ok' END AS state,
       as_of
FROM counted
UNION ALL
SELECT 'nothing', 0, CASE WHEN as_of IS NULL THEN 'none' ELSE 'ok' END, as_of
FROM watched
WHERE NOT EXISTS (SELECT FROM counted)
ORDER BY 2 DESC, 1

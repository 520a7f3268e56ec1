-- Messages set aside in the last 24 hours by reason, says so when there were none.
WITH letters AS (
    SELECT reason, count(*) AS letters, count(*) FILTER (WHERE replayed_at IS NULL) AS waiting,
           max(received) AS as_of
    FROM dead_letter
    WHERE received > $__timeTo()::timestamptz - INTERVAL '24 hours'
      AND received <= $__timeTo()::timestamptz
    GROUP BY 1
), watched AS (
    -- That none came is known from when the bridge and the workers were last looked at.
    SELECT max(time) AS as_of FROM core_figure
    WHERE figure = 'set_aside' AND label = ''
      AND time > $__timeTo()::timestamptz - INTERVAL '10 minutes'
      AND time <= $__timeTo()::timestamptz
)
SELECT reason, letters,
       CASE WHEN waiting >= 100 THEN 'alarm' WHEN waiting >= 1 THEN 'warn' ELSE 'ok' END AS state,
       waiting, as_of
FROM letters
UNION ALL
SELECT 'nothing', 0, CASE WHEN as_of IS NULL THEN 'none' ELSE 'ok' END, 0, as_of
FROM watched
WHERE NOT EXISTS (SELECT FROM letters)
ORDER BY 2 DESC, 1
LIMIT 6

-- Violations proposed today in Vietnam, and a week ago up to the same time of day.
-- part: cameras-heard
), present AS (
    SELECT count(*) FILTER (WHERE time >= day) AS acts,
           count(*) FILTER (WHERE time > at - INTERVAL '1 hour') AS hour,
           max(least(time, received, at)) AS newest
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time >= least(day, at - INTERVAL '1 hour') AND time <= at
), past AS (
    SELECT count(*) AS acts
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time >= day - INTERVAL '168 hours' AND time <= at - INTERVAL '168 hours'
), begun AS (
-- part: first-week-over
), told AS (
    SELECT greatest(heard, newest) AS as_of, hour, comparable,
           CASE WHEN comparable OR greatest(heard, newest) IS NOT NULL THEN present.acts
           END AS today,
           CASE WHEN comparable THEN past.acts END AS last_week
    FROM cameras CROSS JOIN present CROSS JOIN past CROSS JOIN begun
)
SELECT today, last_week, CASE WHEN today IS NOT NULL THEN hour END AS hour,
       CASE
           WHEN today >= 2 * last_week AND today >= last_week + 20 THEN 'alarm'
           WHEN today >= 1.5 * last_week AND today >= last_week + 10 THEN 'warn'
           WHEN last_week IS NULL THEN 'none'
           ELSE 'ok'
       END AS state,
       as_of
FROM told

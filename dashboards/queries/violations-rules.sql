-- Violations proposed today in Vietnam by kind, beside a week ago up to the same time of day.
-- part: cameras-heard
), present AS (
    SELECT rule, count(*) AS acts, max(least(time, received, at)) AS newest
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring}) AND time BETWEEN day AND at
    GROUP BY 1
), past AS (
    SELECT rule, count(*) AS acts
    FROM asked CROSS JOIN violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time BETWEEN day - INTERVAL '168 hours' AND at - INTERVAL '168 hours'
    GROUP BY 1
), begun AS (
-- part: first-week-over
), known AS (
    SELECT greatest(heard, (SELECT max(newest) FROM present)) AS as_of, comparable
    FROM cameras CROSS JOIN begun
), told AS (
    SELECT rule,
           CASE WHEN comparable OR as_of IS NOT NULL THEN coalesce(present.acts, 0) END AS today,
           CASE WHEN comparable THEN coalesce(past.acts, 0) END AS last_week, as_of
    FROM (VALUES ('red_light'), ('stop_line'), ('wrong_way'), ('speeding'), ('illegal_parking'),
        ('wrong_lane'), ('no_entry'), ('illegal_turn'), ('no_helmet')) AS rules (rule)
    LEFT JOIN present USING (rule)
    LEFT JOIN past USING (rule)
    CROSS JOIN known
)
SELECT rule, today, last_week,
       CASE
           WHEN today >= 2 * last_week AND today >= last_week + 20 THEN 'alarm'
           WHEN today >= 1.5 * last_week AND today >= last_week + 10 THEN 'warn'
           WHEN last_week IS NULL THEN 'none'
           ELSE 'ok'
       END AS state,
       as_of
FROM told
ORDER BY today DESC NULLS LAST, rule

-- Violations proposed today in Vietnam by kind, beside a week ago up to the same time of day.
WITH asked AS (
    SELECT $__timeTo()::timestamptz AS at,
           date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh') AS day
), cameras AS (
    -- What cameras see is known up to the last word of those that count traffic.
    SELECT max(least(last_time, last_received, $__timeTo()::timestamptz))
               FILTER (WHERE last_received IS NOT NULL) AS heard
    FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS live WHERE live.city = device.city
          AND live.site = device.site AND live.device = device.device)
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
    -- Before the first week is over there is nothing to compare with.
    SELECT EXISTS (SELECT FROM violation
        WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
          AND time <= $__timeTo()::timestamptz - INTERVAL '168 hours') AS comparable
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

-- Log-ins that failed and people turned away for their role, in the last hour and 24 hours.
WITH line AS (
    SELECT at, action FROM audit
    WHERE at > $__timeTo()::timestamptz - INTERVAL '24 hours' AND at <= $__timeTo()::timestamptz
      AND action IN ('session.refused', 'access.refused')
), counted AS (
    SELECT count(*) FILTER (WHERE action = 'session.refused'
               AND at > $__timeTo()::timestamptz - INTERVAL '1 hour') AS hour,
           count(*) FILTER (WHERE action = 'session.refused') AS day,
           count(*) FILTER (WHERE action = 'access.refused') AS turned_away
    FROM line
), newest AS (
    SELECT at AS as_of FROM audit WHERE at <= $__timeTo()::timestamptz ORDER BY at DESC LIMIT 1
)
SELECT CASE WHEN newest.as_of IS NULL THEN 'none'
            WHEN hour >= 20 THEN 'alarm'
            WHEN hour >= 5 THEN 'warn'
            ELSE 'ok' END AS state,
       CASE WHEN newest.as_of IS NOT NULL THEN hour END AS hour,
       CASE WHEN newest.as_of IS NOT NULL THEN day END AS day,
       CASE WHEN newest.as_of IS NOT NULL THEN turned_away END AS turned_away,
       newest.as_of
FROM counted LEFT JOIN newest ON true

-- Cases that wait for people, by the time that is left to their deadline.
WITH waiting AS (
    SELECT CASE
               WHEN deadline < $__timeTo()::timestamptz THEN 'overdue'
               WHEN deadline < $__timeTo()::timestamptz + INTERVAL '24 hours' THEN 'day'
               WHEN deadline < $__timeTo()::timestamptz + INTERVAL '72 hours' THEN 'three_days'
               WHEN deadline < $__timeTo()::timestamptz + INTERVAL '168 hours' THEN 'week'
               ELSE 'later'
           END AS due, count(*) AS cases, min(deadline) AS deadline
    FROM review_case
    WHERE state IN ('pending', 'second', 'blind', 'disputed')
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1
), begun AS (
    SELECT EXISTS (SELECT FROM review_case
        WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})) AS ever
)
SELECT due, CASE WHEN ever THEN coalesce(cases, 0) END AS cases, deadline,
       CASE
           WHEN NOT ever THEN 'none'
           WHEN due = 'overdue' AND cases > 0 THEN 'alarm'
           WHEN due = 'day' AND cases > 0 THEN 'warn'
           ELSE 'ok'
       END AS state,
       CASE WHEN ever THEN $__timeTo()::timestamptz END AS as_of
FROM (VALUES (1, 'overdue'), (2, 'day'), (3, 'three_days'), (4, 'week'), (5, 'later'))
    AS part (position, due)
LEFT JOIN waiting USING (due)
CROSS JOIN begun
ORDER BY position

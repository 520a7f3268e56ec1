-- Cases that wait: for a first and a second decision, for a supervisor, those past their deadline.
WITH waiting AS (
    SELECT count(*) FILTER (WHERE state = 'pending') AS first,
           count(*) FILTER (WHERE state IN ('second', 'blind')) AS second,
           count(*) FILTER (WHERE state = 'disputed') AS disputed,
           count(*) FILTER (WHERE deadline < $__timeTo()::timestamptz) AS overdue,
           min(deadline) AS deadline
    FROM review_case
    WHERE state IN ('pending', 'second', 'blind', 'disputed')
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), begun AS (
    SELECT EXISTS (SELECT FROM review_case
        WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})) AS ever
)
SELECT CASE WHEN ever THEN first END AS first, CASE WHEN ever THEN second END AS second,
       CASE WHEN ever THEN disputed END AS disputed, CASE WHEN ever THEN overdue END AS overdue,
       CASE
           WHEN NOT ever THEN 'none'
           WHEN overdue > 0 THEN 'alarm'
           WHEN deadline < $__timeTo()::timestamptz + INTERVAL '24 hours' THEN 'warn'
           ELSE 'ok'
       END AS state,
       CASE WHEN ever THEN $__timeTo()::timestamptz END AS as_of
FROM waiting CROSS JOIN begun

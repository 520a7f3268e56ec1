-- Cases that wait for people, those past their deadline, and the nearest deadline.
WITH waiting AS (
    SELECT count(*) AS cases,
           count(*) FILTER (WHERE deadline < $__timeTo()::timestamptz) AS overdue,
           min(deadline) AS deadline
    FROM review_case
    WHERE state IN ('pending', 'second', 'blind', 'disputed')
      AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), begun AS (
    SELECT EXISTS (SELECT FROM review_case
        WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})) AS ever
)
SELECT CASE WHEN ever THEN cases END AS waiting, CASE WHEN ever THEN overdue END AS overdue,
       deadline,
       CASE
           WHEN NOT ever THEN 'none'
           WHEN overdue > 0 THEN 'alarm'
           WHEN deadline < $__timeTo()::timestamptz + INTERVAL '24 hours' THEN 'warn'
           ELSE 'ok'
       END AS state,
       CASE WHEN ever THEN $__timeTo()::timestamptz END AS as_of
FROM waiting CROSS JOIN begun

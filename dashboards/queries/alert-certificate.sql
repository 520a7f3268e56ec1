-- Days until each certificate ends, and one that cannot be read counts as 0.
SELECT part, label AS certificate,
       coalesce(min(value) FILTER (WHERE figure = 'certificate_days'), 0)
           * min(value) FILTER (WHERE figure = 'certificate_up') AS value
FROM (
    SELECT DISTINCT ON (part, label, figure) part, label, figure, value
    FROM core_figure
    WHERE figure IN ('certificate_up', 'certificate_days')
      AND time > $__timeTo()::timestamptz - INTERVAL '5 minutes'
      AND time <= $__timeTo()::timestamptz
    ORDER BY part, label, figure, time DESC
) AS newest
GROUP BY 1, 2
HAVING min(value) FILTER (WHERE figure = 'certificate_up') IS NOT NULL
ORDER BY 1, 2

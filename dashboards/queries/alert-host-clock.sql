-- Milliseconds that the clock of each machine is off, one that no time service holds counts as 1000.
SELECT part,
       max(CASE WHEN figure = 'clock_offset_s' THEN value * 1000
                WHEN value = 0 THEN 1000 ELSE 0 END)::double precision AS value
FROM (
    SELECT DISTINCT ON (part, figure) part, figure, value
    FROM core_figure
    WHERE figure IN ('clock_offset_s', 'clock_synchronised')
      AND time > $__timeTo()::timestamptz - INTERVAL '5 minutes'
      AND time <= $__timeTo()::timestamptz
    ORDER BY part, figure, time DESC
) AS newest
GROUP BY 1
ORDER BY 1

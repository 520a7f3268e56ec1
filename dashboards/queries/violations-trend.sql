-- Violations of each full day in Vietnam, and the mean of the seven days that end with it.
WITH begun AS (
    -- One step through the index for each junction: all violations there ever were are many.
    SELECT min(oldest.time) AS first
    FROM (SELECT DISTINCT city, site FROM device) AS place
    CROSS JOIN LATERAL (
        SELECT time FROM violation
        WHERE violation.city = place.city AND violation.site = place.site ORDER BY time LIMIT 1
    ) AS oldest
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), acts AS (
    SELECT date_trunc('day', time AT TIME ZONE 'Asia/Ho_Chi_Minh') AS day, count(*) AS acts
    FROM violation
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND time >= date_trunc('day', $__timeFrom()::timestamptz, 'Asia/Ho_Chi_Minh')
          - INTERVAL '144 hours'
      AND time < date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh')
    GROUP BY 1
), days AS (
    SELECT day, coalesce(acts, 0) AS acts,
           avg(coalesce(acts, 0)) OVER last_seven AS mean, count(*) OVER last_seven AS days
    FROM begun
    CROSS JOIN LATERAL generate_series(
        greatest(
            date_trunc('day', first AT TIME ZONE 'Asia/Ho_Chi_Minh'),
            date_trunc('day', $__timeFrom()::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')
                - INTERVAL '6 days'),
        date_trunc('day', $__timeTo()::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')
            - INTERVAL '1 day',
        INTERVAL '1 day') AS day
    LEFT JOIN acts USING (day)
    WHERE first IS NOT NULL
    WINDOW last_seven AS (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
)
SELECT day AT TIME ZONE 'Asia/Ho_Chi_Minh' AS time, metric, value
FROM days
CROSS JOIN LATERAL (VALUES ('day', acts::double precision),
    ('~mean', CASE WHEN days = 7 THEN mean::double precision END)) AS line (metric, value)
WHERE value IS NOT NULL AND day AT TIME ZONE 'Asia/Ho_Chi_Minh' >= $__timeFrom()::timestamptz
ORDER BY 1, 2

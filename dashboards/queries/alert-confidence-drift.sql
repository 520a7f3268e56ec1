-- How far the mean confidence of each rule's violations of a day lies from that of the seven days
-- before, with thirty of each at least.
SELECT rule,
       abs(avg(confidence) FILTER (WHERE recent) - avg(confidence) FILTER (WHERE NOT recent))
           AS value
FROM (
    SELECT rule, confidence,
           received > $__timeTo()::timestamptz - INTERVAL '24 hours' AS recent
    FROM violation
    WHERE received > $__timeTo()::timestamptz - INTERVAL '8 days'
      AND received <= $__timeTo()::timestamptz
) AS judged
GROUP BY 1
HAVING count(*) FILTER (WHERE recent) >= 30 AND count(*) FILTER (WHERE NOT recent) >= 30
ORDER BY 1

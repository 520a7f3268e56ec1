-- Violations of a day, of each device that sends evidence, whose evidence is not here after 15
-- minutes.
SELECT violation.city, violation.site, violation.device,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM evidence_set AS came
           WHERE came.city = violation.city AND came.site = violation.site
             AND came.device = violation.device AND came.act_time = violation.act_time
             AND came.rule = violation.rule))::double precision AS value
FROM violation
WHERE received > $__timeTo()::timestamptz - INTERVAL '24 hours'
  AND received <= $__timeTo()::timestamptz - INTERVAL '15 minutes'
  AND EXISTS (SELECT FROM evidence_set AS sends
      WHERE sends.city = violation.city AND sends.site = violation.site
        AND sends.device = violation.device)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- Messages that were set aside in ten minutes.
SELECT count(*)::double precision AS value
FROM dead_letter
WHERE received > $__timeTo()::timestamptz - INTERVAL '10 minutes'
  AND received <= $__timeTo()::timestamptz

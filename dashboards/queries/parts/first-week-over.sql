-- Whether there is a week to compare with, as `comparable`.
    -- Before the first week is over there is nothing to compare with.
    SELECT EXISTS (SELECT FROM violation
        WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
          AND time <= $__timeTo()::timestamptz - INTERVAL '168 hours') AS comparable

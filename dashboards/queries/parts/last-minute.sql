-- The last full minute of each junction in `counted`.
    -- Five seconds after the end of a minute every camera of a junction has told of it. One that
    -- was silent for five minutes has none.
    SELECT city, site, as_of, CASE
        WHEN as_of >= $__timeTo()::timestamptz - INTERVAL '5 minutes'
        THEN date_trunc('minute', least(as_of, $__timeTo()::timestamptz - INTERVAL '5 seconds'))
            - INTERVAL '1 minute'
    END AS minute
    FROM counted

-- After `source`: the newest good value of each indicator, as `said`.
), said AS (
    SELECT DISTINCT ON (source.quantity) source.quantity, newest.value, newest.as_of
    FROM source
    CROSS JOIN LATERAL (
        SELECT value, time, least(time, received, $__timeTo()::timestamptz) AS as_of
        FROM reading AS r
        WHERE (r.city, r.site, r.device, r.quantity)
              = (source.city, source.site, source.device, source.quantity)
          AND r.time > $__timeTo()::timestamptz - INTERVAL '40 days'
          AND r.time <= $__timeTo()::timestamptz + INTERVAL '5 minutes' AND r.quality = 'good'
        ORDER BY r.time DESC LIMIT 1
    ) AS newest
    ORDER BY source.quantity, newest.time DESC, source.city, source.site, source.device

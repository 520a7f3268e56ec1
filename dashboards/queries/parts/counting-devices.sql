-- Inside `counting`: the chosen devices that count traffic; `counted`: when each junction was heard.
    -- What counts traffic: whatever did so in the 90 days that minutes are kept.
    SELECT city, site, device FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS ever WHERE ever.city = device.city
          AND ever.site = device.site AND ever.device = device.device)
), counted AS (
    SELECT counting.city, counting.site, max(newest.time) AS as_of
    FROM counting
    LEFT JOIN LATERAL (
        -- A device's clock that runs ahead gains nothing.
        SELECT least(flow.time, flow.received, $__timeTo()::timestamptz) AS time FROM flow
        WHERE flow.city = counting.city AND flow.site = counting.site
          AND flow.device = counting.device
          AND flow.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY flow.time DESC LIMIT 1
    ) AS newest ON true
    GROUP BY 1, 2

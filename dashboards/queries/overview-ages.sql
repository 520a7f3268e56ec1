-- When each kind of source was heard last, and how many of its sources are late.
WITH chosen AS (
    SELECT * FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
), heard AS (
    SELECT 'flow' AS kind, newest.time, 90.0 AS limit_s
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT least(flow.time, flow.received) AS time FROM flow
        WHERE flow.city = chosen.city AND flow.site = chosen.site AND flow.device = chosen.device
          AND flow.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY flow.time DESC LIMIT 1
    ) AS newest
    -- Most devices count no traffic: to see that in the live minutes is faster.
    WHERE EXISTS (SELECT FROM flow_minute AS ever WHERE ever.city = chosen.city
        AND ever.site = chosen.site AND ever.device = chosen.device)
    UNION ALL
    SELECT 'reading', newest.time, greatest(180, 3 * sensor.period_s)
    FROM sensor
    CROSS JOIN LATERAL (
        SELECT least(reading.time, reading.received) AS time FROM reading
        WHERE reading.city = sensor.city AND reading.site = sensor.site
          AND reading.device = sensor.device AND reading.quantity = sensor.quantity
          AND reading.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY reading.time DESC LIMIT 1
    ) AS newest
    WHERE sensor.city IN (${city:sqlstring}) AND sensor.site IN (${site:sqlstring})
    UNION ALL
    SELECT 'signal', newest.time, 300
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT least(signal.time, signal.received) AS time FROM signal
        WHERE signal.city = chosen.city AND signal.site = chosen.site
          AND signal.device = chosen.device
          AND signal.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY signal.time DESC LIMIT 1
    ) AS newest
    UNION ALL
    -- Whatever it sends: a device that is well sends its health at least.
    SELECT 'device', last_received, 300 FROM chosen
    WHERE last_received > $__timeTo()::timestamptz - INTERVAL '24 hours'
), told AS (
    SELECT kind, count(time) AS sources,
           count(*) FILTER (WHERE time < $__timeTo()::timestamptz - limit_s * INTERVAL '1 second')
               AS late,
           max(least(time, $__timeTo()::timestamptz)) AS as_of
    FROM heard GROUP BY 1
)
SELECT kind,
       CASE
           WHEN sources IS NULL THEN 'none'
           WHEN late = sources THEN 'alarm'
           WHEN late > 0 THEN 'warn'
           ELSE 'ok'
       END AS state,
       coalesce(sources, 0) AS sources, coalesce(late, 0) AS late, as_of
FROM (VALUES (1, 'flow'), (2, 'reading'), (3, 'signal'), (4, 'device')) AS kinds (position, kind)
LEFT JOIN told USING (kind)
ORDER BY position

-- Late files: as last told, and a week before that.
WITH source AS (
    SELECT DISTINCT city, site, device
    FROM reading_1h
    WHERE quantity = 'gov.late_files'
      AND bucket > $__timeTo()::timestamptz - INTERVAL '40 days'
      AND bucket <= $__timeTo()::timestamptz
), said AS (
    SELECT source.*, newest.value, newest.time, newest.as_of
    FROM source
    CROSS JOIN LATERAL (
        SELECT value, time, least(time, received, $__timeTo()::timestamptz) AS as_of
        FROM reading AS r
        WHERE (r.city, r.site, r.device) = (source.city, source.site, source.device)
          AND r.quantity = 'gov.late_files'
          AND r.time > $__timeTo()::timestamptz - INTERVAL '40 days'
          AND r.time <= $__timeTo()::timestamptz + INTERVAL '5 minutes' AND r.quality = 'good'
        ORDER BY r.time DESC LIMIT 1
    ) AS newest
    ORDER BY newest.time DESC, city, site, device
    LIMIT 1
), before AS (
    SELECT earlier.value
    FROM said
    CROSS JOIN LATERAL (
        SELECT value FROM reading AS r
        WHERE (r.city, r.site, r.device) = (said.city, said.site, said.device)
          AND r.quantity = 'gov.late_files' AND r.quality = 'good'
          AND r.time <= said.time - INTERVAL '7 days'
          AND r.time > $__timeTo()::timestamptz - INTERVAL '54 days'
        ORDER BY r.time DESC LIMIT 1
    ) AS earlier
)
SELECT CASE
           WHEN said.value IS NULL OR target.target IS NULL THEN 'none'
           WHEN said.value <= target.target THEN 'ok'
           WHEN said.value > before.value THEN 'alarm'
           ELSE 'warn'
       END AS state,
       said.value AS late, said.value - before.value AS change, target.target, said.as_of
FROM (SELECT) AS one
LEFT JOIN said ON true
LEFT JOIN before ON true
LEFT JOIN indicator AS target ON target.quantity = 'gov.late_files'

-- Open alerts by kind, danger to people first, says so when there are none, or nobody judges.
WITH judge AS (
    -- Whoever judges the alerts holds this lock: with no judge, silence means nothing.
    SELECT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0
          AND objid = 17605095 AND objsubid = 1
          -- In this database, which the locks of this very query name.
          AND database = (SELECT max(database) FROM pg_locks
              WHERE locktype = 'relation' AND coalesce(pid, 0) = pg_backend_pid())
    ) AS there
), told AS (
    SELECT max(greatest(raised_at, cleared_at)) AS last FROM alert
    WHERE raised_at > $__timeTo()::timestamptz - INTERVAL '30 days'
), known AS (
    SELECT CASE WHEN there OR last > $__timeTo()::timestamptz THEN $__timeTo()::timestamptz
                ELSE last END AS as_of
    FROM judge CROSS JOIN told
), open AS (
    SELECT kind, count(*) AS alerts, min(raised_at) AS oldest,
           (array_agg(coalesce(site.name_vi, alert.site) ORDER BY raised_at, alert.id))[1] AS place
    FROM alert LEFT JOIN site USING (city, site)
    WHERE cleared_at IS NULL AND city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1
)
SELECT kind,
       CASE
           WHEN kind IN ('device_silent', 'sequence_gap') THEN 'warn'
           WHEN kind = 'quiet' THEN 'ok'
           ELSE 'alarm'
       END AS state,
       alerts,
       CASE WHEN oldest < $__timeTo()::timestamptz
            THEN extract(epoch FROM $__timeTo()::timestamptz - oldest)::double precision
            WHEN oldest IS NOT NULL THEN 0 END AS age_s,
       place, as_of
FROM (
    SELECT kind, alerts, oldest, place FROM open
    UNION ALL
    SELECT 'unjudged', NULL, NULL, NULL FROM judge WHERE NOT there
    UNION ALL
    SELECT 'quiet', NULL, NULL, NULL FROM judge WHERE there AND NOT EXISTS (SELECT FROM open)
) AS told_of
CROSS JOIN known
ORDER BY coalesce(array_position(ARRAY['unjudged', 'flood', 'rain', 'queue_spillback',
    'violation_surge', 'air_quality', 'salinity', 'noise', 'threshold', 'device_silent',
    'sequence_gap'], kind), 9.5), kind

-- The core's own parts, each check by its worst value of now against its limits.
WITH RECURSIVE checks (rank, name, figure, label, unit, scale, warn_at, alarm_at) AS (
    VALUES (1, 'stalled', 'stalled_s', '', 's', 1.0, 15.0, 60.0),
           (2, 'queue', 'stream_lag_s', '', 's', 1.0, 30.0, 300.0),
           (3, 'disk', 'disk_used_share', NULL, '%', 100.0, 80.0, 90.0),
           (4, 'clock', 'clock_offset_s', '', 'ms', 1000.0, 100.0, 1000.0),
           (5, 'jobs', 'job_failures', '', '', 1.0, 1.0, 5.0)
), watched (figure) AS (
    VALUES ('up'), ('connected'), ('ready'), ('clock_synchronised')
    UNION ALL
    SELECT figure FROM checks
), step AS (
    -- Whoever said something in the last day, one step through the index each.
    SELECT watched.figure, first.part, first.label
    FROM watched
    CROSS JOIN LATERAL (
        SELECT part, label FROM core_figure AS c
        WHERE c.figure = watched.figure AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY part, label LIMIT 1
    ) AS first
    UNION ALL
    SELECT step.figure, next.part, next.label
    FROM step
    CROSS JOIN LATERAL (
        SELECT part, label FROM core_figure AS c
        WHERE c.figure = step.figure AND (c.part, c.label) > (step.part, step.label)
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
        ORDER BY part, label LIMIT 1
    ) AS next
), newest AS (
    SELECT step.figure, step.part, step.label, last.time, last.value,
           last.time >= $__timeTo()::timestamptz
               - CASE WHEN step.figure IN ('up', 'connected', 'ready') THEN INTERVAL '2 minutes'
                      ELSE INTERVAL '5 minutes' END AS fresh
    FROM step
    CROSS JOIN LATERAL (
        SELECT time, value FROM core_figure AS c
        WHERE c.figure = step.figure AND c.part = step.part AND c.label = step.label
          AND c.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
          AND c.time <= $__timeTo()::timestamptz
        ORDER BY time DESC LIMIT 1
    ) AS last
), parts AS (
    -- Nobody looks at it any more, it does not answer, or it does not get on.
    SELECT part, bool_or(value = 0 OR NOT fresh) AS down, max(time) AS time
    FROM newest WHERE figure IN ('up', 'connected', 'ready')
    GROUP BY 1
), away AS (
    SELECT count(*) FILTER (WHERE down) AS away, count(*) AS parts, max(time) AS time,
           string_agg(part, ', ' ORDER BY part) FILTER (WHERE down) AS parts_down
    FROM parts
), worst AS (
    SELECT DISTINCT ON (checks.rank) checks.*, newest.part,
           nullif(newest.label, '') AS of_label, newest.time, newest.fresh,
           newest.value * checks.scale AS value
    FROM checks
    LEFT JOIN newest ON newest.figure = checks.figure
        AND newest.label = coalesce(checks.label, newest.label)
    ORDER BY checks.rank, newest.fresh DESC NULLS LAST, newest.value DESC NULLS LAST,
             newest.part, newest.label
), loose AS (
    SELECT string_agg(part, ', ' ORDER BY part) AS hosts, max(time) AS time
    FROM newest WHERE figure = 'clock_synchronised' AND fresh AND value = 0
)
SELECT 'parts' AS name,
       CASE WHEN parts = 0 THEN 'none' WHEN away > 0 THEN 'alarm' ELSE 'ok' END AS state,
       CASE WHEN parts > 0 THEN away::double precision END AS value, '' AS unit,
       1::double precision AS warn_at, parts_down AS place, time AS as_of
FROM away
UNION ALL
SELECT worst.name,
       CASE WHEN loose.hosts IS NOT NULL THEN 'alarm'
            WHEN worst.fresh IS NOT TRUE THEN 'none'
            WHEN worst.value >= worst.alarm_at THEN 'alarm'
            WHEN worst.value >= worst.warn_at THEN 'warn'
            ELSE 'ok' END,
       CASE WHEN worst.fresh AND loose.hosts IS NULL THEN worst.value::double precision END,
       worst.unit,
       worst.warn_at::double precision,
       coalesce(loose.hosts, nullif(concat_ws(' ', worst.part, worst.of_label), '')),
       coalesce(loose.time, worst.time)
FROM worst
-- A clock that no time service holds has no known offset.
LEFT JOIN loose ON worst.name = 'clock' AND loose.hosts IS NOT NULL

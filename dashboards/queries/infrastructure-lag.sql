-- How late events are on their way, the worst of each five minutes: broker to Kafka, waiting in
-- Kafka, and their age when they are stored.
WITH RECURSIVE lags (figure, metric) AS (
    VALUES ('latency_p95_s', 'ingest'),
           ('stream_lag_s', 'waiting'),
           ('event_age_p95_s', 'stored')
), step AS (
    -- The parts that said so, one step through the index each.
    SELECT lags.figure, lags.metric, first.part
    FROM lags
    CROSS JOIN LATERAL (
        SELECT part FROM core_figure AS c
        WHERE c.figure = lags.figure AND c.time >= $__timeFrom()::timestamptz
        ORDER BY part LIMIT 1
    ) AS first
    UNION ALL
    SELECT step.figure, step.metric, next.part
    FROM step
    CROSS JOIN LATERAL (
        SELECT part FROM core_figure AS c
        WHERE c.figure = step.figure AND c.part > step.part
          AND c.time >= $__timeFrom()::timestamptz
        ORDER BY part LIMIT 1
    ) AS next
), worst AS (
    SELECT date_bin(INTERVAL '5 minutes', said.time, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS time,
           step.metric, max(said.value) AS value
    FROM step
    CROSS JOIN LATERAL (
        SELECT time, value FROM core_figure AS c
        WHERE c.figure = step.figure AND c.part = step.part AND c.label = ''
          AND c.time >= $__timeFrom()::timestamptz AND c.time <= $__timeTo()::timestamptz
    ) AS said
    GROUP BY 1, 2
)
SELECT time, metric, value FROM worst
UNION ALL
-- As far as there are values and no further: a limit makes nothing look fresh.
SELECT DISTINCT time, '~limit', 30::double precision FROM worst
ORDER BY 1, 2

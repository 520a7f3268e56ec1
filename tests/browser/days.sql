-- Rows of tests/browser/days.py. The same instant gives the same rows: noise comes from a hash.

CREATE FUNCTION pg_temp.die(VARIADIC parts text[]) RETURNS double precision LANGUAGE sql AS
    'SELECT ((hashtextextended(array_to_string(parts, chr(47)), 7) & 1048575) / 1048576.0)::double precision';
CREATE FUNCTION pg_temp.rush(at timestamptz) RETURNS double precision LANGUAGE sql AS $$
    SELECT 0.08 + 0.5 * exp(-(((h - 7.2) / 1.6) ^ 2)) + 0.42 * exp(-(((h - 17.3) / 2.1) ^ 2))
        + 0.25 * exp(-(((h - 12) / 3.5) ^ 2))
    FROM (SELECT extract(epoch FROM at AT TIME ZONE 'Asia/Ho_Chi_Minh')::numeric %% 86400 / 3600.0
          AS h) AS hour
$$;
CREATE FUNCTION pg_temp.id(VARIADIC parts text[]) RETURNS uuid LANGUAGE sql AS
    'SELECT md5(array_to_string(parts, chr(47)))::uuid';
SET session_replication_role = replica;

-- Traffic: two days by minutes, and the same hours a week ago by five minutes.
INSERT INTO flow (id, time, city, site, device, bootid, sequence, received, replayed, lane,
    period_s, motorcycle, car, bus, truck, bicycle, three_wheeler, total, speed_kmh, occupancy,
    queue_m)
SELECT pg_temp.id('flow', at::text, city, site, device, lane), at, city, site, device, %(boot)s, 0,
    at + interval '1 second', false, lane, 60, m, c, b, t, y, w, m + c + b + t + y + w,
    free * (1.05 - busy * 0.75) * (0.95 + 0.1 * pg_temp.die(at::text, lane, site)), busy * 0.4,
    greatest(0, 130 * busy - 20 + 20 * pg_temp.die(lane, at::text))
FROM (
    SELECT *, (26 * busy * (0.7 + 0.6 * pg_temp.die('m', at::text, lane, site)))::int AS m,
        (8 * busy * (0.6 + pg_temp.die('c', at::text, lane, site)))::int AS c,
        (2 * busy * pg_temp.die('b', at::text, lane, site))::int AS b,
        (3 * busy * pg_temp.die('t', at::text, lane, site))::int AS t,
        (1.6 * pg_temp.die('y', at::text, lane, site) * busy)::int AS y,
        (1.2 * pg_temp.die('w', at::text, lane, site) * busy)::int AS w
    FROM (
        SELECT at, lanes.*, pg_temp.rush(at) * share AS busy
        FROM unnest(%(lane_city)s::text[], %(lane_site)s::text[], %(lane_device)s::text[], %(lane_lane)s::text[],
                %(lane_free)s::float[], %(lane_share)s::float[]) AS lanes (city, site, device, lane, free, share)
        CROSS JOIN (
            SELECT generate_series(%(now)s::timestamptz - interval '49 hours', %(now)s,
                interval '1 minute') AS at
            UNION ALL
            SELECT generate_series(%(now)s::timestamptz - interval '8 days 2 hours',
                %(now)s::timestamptz - interval '6 days 22 hours', interval '5 minutes')
        ) AS times
        WHERE NOT (site = %(gap)s AND at BETWEEN %(now)s::timestamptz - interval '9 hours'
            AND %(now)s::timestamptz - interval '6 hours')
          AND NOT (site = %(still)s AND at > %(now)s::timestamptz - interval '7 minutes')
    ) AS swung
) AS counted;

-- Live windows of the last 20 minutes.
INSERT INTO flow_minute (city, site, device, lane, minute, motorcycle, car, bus, truck, bicycle,
    three_wheeler, pedestrian, other, total, speed_sum, speed_weight, occupancy_sum,
    occupancy_weight, queue_m, periods, seen, level)
SELECT f.city, f.site, f.device, f.lane, date_trunc('minute', f.time), max(motorcycle), max(car),
    max(bus), max(truck), max(bicycle), max(three_wheeler), 0, 0, max(total),
    max(total * f.speed_kmh), max(total), 0, 0, max(f.queue_m), 6, '{}',
    CASE WHEN f.site = %(jam)s THEN 4 WHEN max(f.occupancy) > 0.16 THEN 3
         WHEN max(f.occupancy) > 0.08 THEN 1 ELSE 0 END
FROM flow AS f WHERE f.time > %(now)s::timestamptz - interval '20 minutes'
GROUP BY 1, 2, 3, 4, 5;

-- Sensors: nine days of water, two of the rest.
INSERT INTO reading (id, time, city, site, device, bootid, sequence, received, replayed, quantity,
    value, unit, quality)
SELECT pg_temp.id('reading', at::text, city, site, device), at, city, site, device, %(boot)s, 0,
    at + interval '1 second', false, quantity,
    CASE quantity
        WHEN 'water_level' THEN 0.75 + 0.45 * sin(extract(epoch FROM at)::float / 44700 * 2 * pi() + die)
            + 0.06 * extract(epoch FROM at - (%(now)s::timestamptz - interval '2 days'))::float / 86400
        WHEN 'rain' THEN greatest(0, 24 * sin(extract(epoch FROM at)::float / 21000 + die) - 14)
        WHEN 'salinity' THEN 0.35 + 0.2 * sin(extract(epoch FROM at)::float / 43200 * 2 * pi()) + die / 9
        WHEN 'pm2_5' THEN 18 + 26 * pg_temp.rush(at) * 2 + 5 * die
        WHEN 'noise' THEN 52 + 22 * pg_temp.rush(at) * 1.6 + 4 * die
        ELSE 27 + 4 * sin(extract(epoch FROM at)::float / 86400 * 2 * pi()) END
        + 0.01 * pg_temp.die(at::text, device),
    unit, 'good'
FROM (
    SELECT at, known.*, pg_temp.die(city, site, device) AS die
    FROM unnest(%(sensor_city)s::text[], %(sensor_site)s::text[], %(sensor_device)s::text[], %(sensor_quantity)s::text[],
            %(sensor_unit)s::text[]) AS known (city, site, device, quantity, unit)
    CROSS JOIN generate_series(%(now)s::timestamptz - interval '9 days', %(now)s,
        interval '5 minutes') AS at
    WHERE (at > %(now)s::timestamptz - interval '2 days' OR quantity = 'water_level')
      AND NOT (quantity = 'noise' AND at BETWEEN %(now)s::timestamptz - interval '15 hours'
          AND %(now)s::timestamptz - interval '11 hours')
      AND NOT (site = %(still)s AND at > %(now)s::timestamptz - interval '70 minutes')
) AS swung;

-- Health of devices, seven hours.
INSERT INTO health (id, time, city, site, device, bootid, sequence, received, replayed, uptime_s,
    fps, dropped_frames, stalls, latency_ms, spool_depth, spool_bytes, dropped_events,
    gpu_utilisation, clock_source, clock_offset_ms)
SELECT pg_temp.id('health', at::text, city, site, device), at, city, site, device, %(boot)s, 0,
    at + interval '1 second', false, extract(epoch FROM at - %(now)s::timestamptz) + 300000,
    CASE WHEN device LIKE 'cam-%%' THEN 14 + pg_temp.die(at::text) END, 0,
    CASE WHEN device = 'cam-2' THEN (extract(epoch FROM at - %(now)s::timestamptz)::int + 21600)
        / CASE WHEN site = %(jam)s THEN 700 ELSE 5000 END ELSE 0 END,
    40 + 20 * pg_temp.die(device, at::text),
    CASE WHEN site = %(gap)s THEN greatest(0, 900 * sin(extract(epoch FROM at)::float / 7000))::int
        ELSE (3 * pg_temp.die(at::text, site))::int END, 0, 0, 0.4, 'ntp',
    CASE WHEN device = 'water-2' AND site = %(jam)s THEN 240 ELSE 3 * pg_temp.die(device) END
FROM unnest(%(device_city)s::text[], %(device_site)s::text[], %(device_device)s::text[]) AS known (city, site, device)
CROSS JOIN generate_series(%(now)s::timestamptz - interval '7 hours', %(now)s,
    interval '1 minute') AS at
WHERE NOT (device = 'cam-2' AND site = %(gap)s AND at > %(now)s::timestamptz - interval '40 minutes');

-- When devices were heard last.
INSERT INTO device (city, site, device, state, last_time, last_received, state_time, state_received)
SELECT city, site, device, CASE WHEN device = 'cam-2' AND site = %(gap)s THEN 'offline' ELSE 'online' END,
    heard, heard, heard - interval '1 day', heard - interval '1 day'
FROM (
    SELECT *, %(now)s::timestamptz - CASE
        WHEN device = 'cam-2' AND site = %(gap)s THEN interval '41 minutes'
        WHEN site = %(still)s AND device LIKE 'cam-%%' THEN interval '7 minutes'
        ELSE interval '4 seconds' END AS heard
    FROM unnest(%(device_city)s::text[], %(device_site)s::text[], %(device_device)s::text[]) AS known (city, site, device)
) AS told
ON CONFLICT (city, site, device) DO UPDATE SET state = EXCLUDED.state,
    last_time = EXCLUDED.last_time, last_received = EXCLUDED.last_received;

-- Traffic lights.
INSERT INTO signal (id, time, city, site, device, bootid, sequence, replayed, received, head, phase,
    since)
SELECT pg_temp.id('signal', site), %(now)s::timestamptz - interval '12 seconds', city, site, device,
    %(boot)s, 1, false, %(now)s::timestamptz - interval '11 seconds', 'n', 'red',
    %(now)s::timestamptz - interval '12 seconds'
FROM unnest(%(device_city)s::text[], %(device_site)s::text[], %(device_device)s::text[]) AS known (city, site, device)
WHERE device LIKE 'signal%%';

-- A month of violations, as busy as the streets.
INSERT INTO violation (id, time, city, site, device, bootid, sequence, received, replayed, rule,
    track, vehicle, act_time, confidence, model_name, model_sha256, clock_source, frame_first,
    frame_last, plate_text, evidence, reasons)
SELECT pg_temp.id('act', n::text), at, city, site, device, %(boot)s, n, at + interval '2 seconds',
    false, rule, n, 'motorcycle', at, 0.9, 'm', repeat('a', 64), 'ntp', 1, 9, %(plate)s, '[]', '[]'
FROM (
    SELECT n, at, (%(rules)s::text[])[1 + floor(9 * pg_temp.die('r', n::text) ^ 2)::int] AS rule,
        (%(site_city)s::text[])[who] AS city, (%(site_site)s::text[])[who] AS site, 'cam-1' AS device
    FROM (
        SELECT n, 1 + floor(4 * pg_temp.die('s', n::text) ^ 1.6)::int AS who,
            %(now)s::timestamptz - make_interval(secs => 31 * 86400.0 * n / 5200) AS at
        FROM generate_series(0, 5200) AS n
    ) AS drawn
    WHERE pg_temp.rush(at) > 0.5 * pg_temp.die('d', n::text)
) AS acts;

-- Their cases; most are decided, those of the last hours wait. Every violation has one, so that numbers
-- stand still while pages are looked at.
INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, act_first, act_last,
    plate_read, deadline, state, created, decided)
SELECT pg_temp.id('case', n::text), city, site, device, bootid, track, vehicle, ARRAY[rule], time,
    time, %(plate)s, time + interval '10 days', state, received,
    CASE WHEN state IN ('confirmed', 'rejected') THEN received + interval '9 hours' END
FROM (
    SELECT *, row_number() OVER (ORDER BY time) AS n,
        CASE WHEN received >= %(now)s::timestamptz - interval '9 hours' THEN 'pending'
            WHEN time > %(now)s::timestamptz - interval '11 days'
                AND pg_temp.die('w', id::text) < 0.05
            THEN (ARRAY['pending', 'pending', 'second', 'blind', 'disputed'])[
                1 + floor(5 * pg_temp.die('x', id::text))::int]
            WHEN pg_temp.die('j', id::text) < CASE rule WHEN 'no_helmet' THEN 0.45
                WHEN 'wrong_lane' THEN 0.28 ELSE 0.09 END THEN 'rejected'
            ELSE 'confirmed' END AS state
    FROM violation
) AS made;

INSERT INTO case_violation (violation, case_id)
SELECT v.id, c.id FROM violation v JOIN review_case c USING (city, site, device, track);

-- Indicators of digital government; the fifth was never told.
INSERT INTO reading (id, time, city, site, device, bootid, sequence, received, replayed, quantity,
    value, unit, quality)
SELECT pg_temp.id('gov', quantity, day::text), %(now)s::timestamptz - day * interval '1 day'
        - interval '3 hours', 'vithanh', 'lgsp', 'lgsp', %(boot)s, day,
    %(now)s::timestamptz - day * interval '1 day' - interval '3 hours', false, quantity,
    CASE WHEN unit = '%%' THEN least(100, target + reach - day * 0.15
            + pg_temp.die(quantity, day::text))
        ELSE greatest(0, 40 - day * 0.6 + 8 * pg_temp.die(day::text)) END, unit, 'good'
FROM (
    SELECT *, (ARRAY[1.5, -3.5, -12.0, 2.0, -1.2, 0.8])[1 + position %% 6] AS reach
    FROM indicator WHERE position <> 4
) AS known
CROSS JOIN generate_series(0, 34) AS day;

-- What the core says of itself.
INSERT INTO core_figure (part, figure, label, time, value, unit)
SELECT part, figure, label, at,
    CASE WHEN figure = 'latency_p95_s' THEN 0.2 + 0.3 * pg_temp.die(at::text)
         WHEN figure = 'stream_lag_s' THEN 1 + 6 * pg_temp.die('l', at::text)
            + CASE WHEN at BETWEEN %(now)s::timestamptz - interval '3 hours' AND %(now)s::timestamptz
                - interval '150 minutes' THEN 35 ELSE 0 END
         WHEN figure = 'event_age_p95_s' THEN 2 + 3 * pg_temp.die('a', at::text)
         WHEN figure = 'refused_programs' THEN floor(1.02 * pg_temp.die(label, at::text))
         ELSE value END, unit
FROM (VALUES
    ('bridge-1', 'up', '', 1, ''), ('bridge-1', 'connected', '', 1, ''),
    ('bridge-1', 'latency_p95_s', '', 0, 's'), ('bridge-1', 'stalled_s', '', 0, 's'),
    ('bridge-1', 'set_aside', '', 0, 'count'), ('streams-0', 'up', '', 1, ''),
    ('streams-0', 'ready', '', 1, ''), ('streams-0', 'event_age_p95_s', '', 0, 's'),
    ('streams-0', 'stalled_s', '', 0, 's'), ('streams-1', 'up', '', 0, ''),
    ('kafka', 'up', '', 1, ''), ('kafka', 'stream_lag_s', '', 0, 's'),
    ('database', 'up', '', 1, ''), ('database', 'job_failures', '', 0, 'count'),
    ('host:core-1', 'disk_used_share', 'database', 0.83, 'ratio'),
    ('host:core-1', 'disk_used_share', 'evidence', 0.41, 'ratio'),
    ('host:core-1', 'clock_synchronised', '', 1, ''), ('host:core-1', 'clock_offset_s', '', 0.004, 's'),
    ('host:core-1', 'certificate_up', 'console', 1, ''), ('host:core-1', 'certificate_up', 'mqtt', 1, ''),
    ('host:core-1', 'certificate_up', 'kafka', 1, ''),
    ('host:core-1', 'certificate_days', 'console', 212, 'd'),
    ('host:core-1', 'certificate_days', 'mqtt', 18, 'd'),
    ('host:core-1', 'certificate_days', 'kafka', 64, 'd'),
    ('console', 'up', '', 1, ''), ('console', 'audit_lines', '', 48213, 'count'),
    ('console', 'audit_faults', '', 0, 'count'), ('console', 'evidence_checked', '', 31877, 'count'),
    ('console', 'evidence_left', '', 1042, 'count'), ('console', 'evidence_faults', '', 0, 'count'),
    ('console', 'refused_programs', '', 0, 'count'), ('console', 'refused_programs', 'token', 1, 'count')
) AS told (part, figure, label, value, unit)
CROSS JOIN generate_series(%(now)s::timestamptz - interval '6 hours', %(now)s,
    interval '1 minute') AS at
WHERE NOT (figure = 'stalled_s' AND part = 'streams-1');

-- Messages set aside, the audit, webhooks, a gap.
INSERT INTO dead_letter (id, received, stage, topic, city, site, device, reason, field, detail, raw,
    raw_bytes, properties)
SELECT pg_temp.id('letter', n::text), %(now)s::timestamptz - n * interval '19 minutes', 'ingest', 'x',
    'vithanh', 'tran-hung-dao', 'cam-1',
    (ARRAY['schema', 'bad_topic', 'identity', 'schema', 'time_window'])[1 + n %% 5], '$', '', '', 0, '{}'
FROM generate_series(1, 60) AS n;
INSERT INTO audit (seq, at, actor, action, subject, record, previous, hash)
SELECT n, %(now)s::timestamptz - (400 - n) * interval '4 minutes', 'x',
    CASE WHEN pg_temp.die('u', n::text) < 0.08 THEN 'session.refused'
         WHEN pg_temp.die('u', n::text) < 0.1 THEN 'access.refused' ELSE 'case.viewed' END, 'x', '{}',
    sha256(n::text::bytea), sha256((n + 1)::text::bytea)
FROM generate_series(1, 400) AS n;
UPDATE audit_head SET seq = 400, hash = sha256('401'::bytea);
INSERT INTO audit_root (day, seq, hash, key, signature, signed)
VALUES (date(%(now)s::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh') - 1, 1, '', 'k', repeat('a', 64)::bytea,
    %(now)s::timestamptz - interval '5 hours');
INSERT INTO webhook_delivery (id, target, event, case_id, body, created, attempts)
SELECT pg_temp.id('hook', n::text), 'trung-tam-chi-huy', 'case.confirmed', pg_temp.id('case', n::text),
    '{}', %(now)s::timestamptz - n * interval '11 minutes', n %% 2
FROM generate_series(1, 7) AS n;
INSERT INTO device_boot (city, site, device, bootid, received, first_time, last_time, gap_since)
VALUES ('vithanh', %(jam)s, 'cam-1', %(boot)s, '{[0,900),[912,1000)}',
    %(now)s::timestamptz - interval '1 day', %(now)s, %(now)s::timestamptz - interval '2 hours')
ON CONFLICT DO NOTHING;

SET session_replication_role = origin;

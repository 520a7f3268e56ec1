-- What the wall asks for beside the series: limits to compare with, figures of the core's own parts;
-- and the role that Grafana reads as, which can see no plate whatever it asks.

-- From the site files, as the junctions are.
CREATE TABLE sensor (
    city     text NOT NULL,
    site     text NOT NULL,
    device   text NOT NULL,
    quantity text NOT NULL,
    unit     text NOT NULL,
    name_vi  text NOT NULL,
    name_en  text NOT NULL,
    period_s double precision NOT NULL,
    raise_at double precision,
    clear_at double precision,
    updated  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (city, site, device)
);
COMMENT ON TABLE sensor IS 'Sensors and the values that raise their alerts, from the site files';

-- From ioc/indicators.toml: what a year asks of the administration.
CREATE TABLE indicator (
    quantity text PRIMARY KEY,
    position integer NOT NULL,
    name_vi  text NOT NULL,
    name_en  text NOT NULL,
    unit     text NOT NULL,
    target   double precision NOT NULL,
    better   text NOT NULL CHECK (better IN ('higher', 'lower')),
    year     integer NOT NULL,
    source   text NOT NULL,
    updated  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE indicator IS 'Indicators of digital government and their targets';

-- What parts of the core say of themselves; no device has a say here.
CREATE TABLE core_figure (
    part   text NOT NULL,
    figure text NOT NULL,
    label  text NOT NULL DEFAULT '',
    time   timestamptz NOT NULL,
    value  double precision NOT NULL,
    unit   text NOT NULL,
    PRIMARY KEY (part, figure, label, time)
);
COMMENT ON TABLE core_figure IS 'Lag, depth, disk, certificates, custody: the core about itself';
COMMENT ON COLUMN core_figure.part IS 'Who says it: bridge, streams, console, host …, with its name';
COMMENT ON COLUMN core_figure.label IS 'Of what: a topic, a folder, a certificate; empty: of the part';
CREATE INDEX core_figure_newest ON core_figure (figure, part, label, time DESC);

CREATE INDEX evidence_received ON evidence (received);

GRANT SELECT ON sensor, indicator, core_figure TO ioc_console;
GRANT INSERT ON core_figure TO ioc_console;

-- Roles belong to the whole server: made here where that is allowed, asked for where it is not.
DO $$
BEGIN
    IF to_regrole('ioc_wall') IS NULL THEN
        BEGIN
            CREATE ROLE ioc_wall NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another migration, just now
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'role ioc_wall is missing; as an administrator run: '
                    'CREATE ROLE ioc_wall NOLOGIN';
        END;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO ioc_wall;
GRANT SELECT ON site, sensor, indicator, core_figure, device, device_boot, sequence_gap, status, signal,
    alert, flow, flow_minute, flow_1m, flow_15m, flow_1h, flow_1d,
    reading, reading_1m, reading_15m, reading_1h, reading_1d,
    health, health_1m, health_15m, health_1h, health_1d, audit_root TO ioc_wall;
-- Where a row names a vehicle or a person, the columns that do not.
GRANT SELECT (id, time, city, site, device, received, replayed, rule, vehicle, act_time, confidence,
    lane) ON violation TO ioc_wall;
GRANT SELECT (id, number, city, site, device, vehicle, rules, act_first, act_last, deadline, state,
    round, created, decided, expunged) ON review_case TO ioc_wall;
GRANT SELECT (id, case_id, round, stage, verdict, reason, seconds, decided)
    ON review_decision TO ioc_wall;
GRANT SELECT (violation, case_id, signature_fault) ON case_violation TO ioc_wall;
GRANT SELECT (sha256, bytes, media_type, city, site, device, received, deleted)
    ON evidence TO ioc_wall;
GRANT SELECT (manifest, city, site, device, rule, act_time, fault, checked) ON evidence_set TO ioc_wall;
GRANT SELECT (id, received, stage, topic, city, site, device, reason, field, raw_bytes, replayed_at,
    replays) ON dead_letter TO ioc_wall;
GRANT SELECT (seq, at, action) ON audit TO ioc_wall;
GRANT SELECT (target, event, created, attempts, delivered, abandoned) ON webhook_delivery TO ioc_wall;
GRANT SELECT (city, site, device, enrolled, revoked) ON device_key TO ioc_wall;

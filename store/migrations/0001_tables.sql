-- Plain tables: what is looked up by its id, kept for ever, or updated in place.

CREATE TABLE site (
    city         text NOT NULL,
    site         text NOT NULL,
    name_vi      text NOT NULL,
    name_en      text NOT NULL,
    city_name_vi text NOT NULL,
    city_name_en text NOT NULL,
    ward         text,
    latitude     double precision NOT NULL,
    longitude    double precision NOT NULL,
    updated      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (city, site)
);
COMMENT ON TABLE site IS 'Junctions, from the site files';

-- Updated with every batch: free space in each page keeps these updates heap-only (HOT).
CREATE TABLE device (
    city           text NOT NULL,
    site           text NOT NULL,
    device         text NOT NULL,
    state          text CHECK (state IN ('online', 'offline')),
    bootid         uuid,
    versions       jsonb NOT NULL DEFAULT '{}',
    state_time     timestamptz,
    state_received timestamptz,
    last_time      timestamptz,
    last_received  timestamptz,
    PRIMARY KEY (city, site, device)
) WITH (fillfactor = 70);
COMMENT ON COLUMN device.state IS 'Null until a status was heard';
COMMENT ON COLUMN device.state_time IS 'Event time of the birth, or of a later goodbye';
COMMENT ON COLUMN device.state_received IS 'When the core heard of the state: offline since';
COMMENT ON COLUMN device.last_time IS 'Newest event time';
COMMENT ON COLUMN device.last_received IS 'When the core last stored something from it';

CREATE TABLE device_boot (
    city          text NOT NULL,
    site          text NOT NULL,
    device        text NOT NULL,
    bootid        uuid NOT NULL,
    received      int8multirange NOT NULL,
    first_time    timestamptz NOT NULL,
    last_time     timestamptz NOT NULL,
    last_received timestamptz NOT NULL DEFAULT now(),
    gap_since     timestamptz,
    PRIMARY KEY (city, site, device, bootid)
) WITH (fillfactor = 70);
COMMENT ON COLUMN device_boot.received IS 'Sequences stored or set aside; complete is {[0,n)}';
COMMENT ON COLUMN device_boot.gap_since IS 'When a gap was first seen; null while there is none';
CREATE INDEX device_boot_gap ON device_boot (gap_since) WHERE gap_since IS NOT NULL;

CREATE FUNCTION sequence_count(received int8multirange) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT coalesce(sum(upper(part) - lower(part)), 0)::bigint
        FROM unnest(received) AS part
    );
COMMENT ON FUNCTION sequence_count IS 'How many sequences a set holds';

CREATE FUNCTION sequence_missing(received int8multirange) RETURNS int8multirange
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN int8multirange(int8range(0, coalesce(upper(received), 0))) - received;
COMMENT ON FUNCTION sequence_missing IS 'The sequences below the highest that are not in a set';

CREATE VIEW sequence_gap AS
SELECT city, site, device, bootid,
       upper(received) AS next_sequence,
       sequence_count(received) AS received_count,
       upper(received) - sequence_count(received) AS missing,
       sequence_missing(received) AS missing_ranges,
       gap_since, first_time, last_time, last_received
FROM device_boot
WHERE gap_since IS NOT NULL;
COMMENT ON VIEW sequence_gap IS 'Boots that miss events, with how many, which, and since when';

CREATE TABLE status (
    id       uuid PRIMARY KEY,
    time     timestamptz NOT NULL,
    city     text NOT NULL,
    site     text NOT NULL,
    device   text NOT NULL,
    bootid   uuid NOT NULL,
    state    text NOT NULL CHECK (state IN ('online', 'offline')),
    versions jsonb NOT NULL,
    received timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE status IS 'Log of every birth, goodbye and last will';
CREATE INDEX status_device ON status (city, site, device, time DESC);

CREATE TABLE signal (
    id       uuid PRIMARY KEY,
    time     timestamptz NOT NULL,
    city     text NOT NULL,
    site     text NOT NULL,
    device   text NOT NULL,
    bootid   uuid NOT NULL,
    sequence bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT now(),
    replayed boolean NOT NULL,
    adapter  text,
    head     text NOT NULL,
    phase    text NOT NULL,
    since    timestamptz NOT NULL
);
CREATE INDEX signal_device ON signal (city, site, device, time DESC);

CREATE TABLE violation (
    id               uuid PRIMARY KEY,
    time             timestamptz NOT NULL,
    city             text NOT NULL,
    site             text NOT NULL,
    device           text NOT NULL,
    bootid           uuid NOT NULL,
    sequence         bigint NOT NULL,
    received         timestamptz NOT NULL DEFAULT now(),
    replayed         boolean NOT NULL,
    adapter          text,
    rule             text NOT NULL,
    track            bigint NOT NULL,
    vehicle          text NOT NULL,
    act_time         timestamptz NOT NULL,
    confidence       double precision NOT NULL,
    model_name       text NOT NULL,
    model_sha256     text NOT NULL,
    clock_source     text NOT NULL,
    clock_offset_ms  double precision,
    frame_first      bigint NOT NULL,
    frame_last       bigint NOT NULL,
    lane             text,
    plate_text       text,
    plate_confidence double precision,
    plate_colour     text,
    speed_kmh        double precision,
    calibration      text,
    signal_head      text,
    signal_phase     text,
    signal_since     timestamptz,
    evidence         jsonb NOT NULL,
    reasons          jsonb NOT NULL,
    signature        text
);
COMMENT ON TABLE violation IS 'Proposals to the police, as the camera sent them; never changed';
CREATE INDEX violation_site ON violation (city, site, time DESC);
CREATE INDEX violation_received ON violation (received);

CREATE TABLE flow_minute (
    city             text NOT NULL,
    site             text NOT NULL,
    device           text NOT NULL,
    lane             text NOT NULL,
    minute           timestamptz NOT NULL,
    motorcycle       bigint NOT NULL,
    car              bigint NOT NULL,
    bus              bigint NOT NULL,
    truck            bigint NOT NULL,
    bicycle          bigint NOT NULL,
    three_wheeler    bigint NOT NULL,
    pedestrian       bigint NOT NULL,
    other            bigint NOT NULL,
    total            bigint NOT NULL,
    speed_sum        double precision NOT NULL,
    speed_weight     bigint NOT NULL,
    speed_kmh        double precision
        GENERATED ALWAYS AS (speed_sum / nullif(speed_weight, 0)) STORED,
    occupancy_sum    double precision NOT NULL,
    occupancy_weight double precision NOT NULL,
    occupancy        double precision
        GENERATED ALWAYS AS (occupancy_sum / nullif(occupancy_weight, 0)) STORED,
    queue_m          double precision,
    periods          integer NOT NULL,
    seen             uuid[] NOT NULL,
    level            smallint CHECK (level BETWEEN 0 AND 5),
    updated          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (city, site, device, lane, minute)
) WITH (fillfactor = 70);
COMMENT ON TABLE flow_minute IS 'Live one-minute windows, written as absolute values';
COMMENT ON COLUMN flow_minute.speed_sum IS 'Sum of mean speed times vehicles, km/h';
COMMENT ON COLUMN flow_minute.speed_weight IS 'Vehicles that speed_sum speaks of';
COMMENT ON COLUMN flow_minute.occupancy_sum IS 'Sum of occupancy times period, s';
COMMENT ON COLUMN flow_minute.occupancy_weight IS 'Seconds that occupancy_sum speaks of';
COMMENT ON COLUMN flow_minute.seen IS 'Ids of the flow events in the sums';
COMMENT ON COLUMN flow_minute.level IS 'Congestion, 0 free to 5 jammed';
CREATE INDEX flow_minute_time ON flow_minute (minute);

CREATE TABLE alert (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL,
    subject    text NOT NULL,
    city       text NOT NULL,
    site       text NOT NULL,
    device     text,
    raised_at  timestamptz NOT NULL,
    cleared_at timestamptz,
    value      double precision,
    threshold  double precision,
    message_vi text NOT NULL,
    message_en text NOT NULL,
    published  boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN alert.published IS 'The row as it stands was sent to ioc.alert.v1';
CREATE INDEX alert_open ON alert (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX alert_unpublished ON alert (raised_at) WHERE NOT published;
CREATE INDEX alert_raised ON alert (raised_at);

CREATE TABLE dead_letter (
    id          uuid PRIMARY KEY,
    received    timestamptz NOT NULL,
    stage       text NOT NULL,
    topic       text NOT NULL,
    city        text,
    site        text,
    device      text,
    reason      text NOT NULL,
    field       text NOT NULL,
    detail      text NOT NULL,
    raw         bytea NOT NULL,
    raw_bytes   bigint NOT NULL,
    properties  jsonb NOT NULL,
    bootid      uuid,
    sequence    bigint,
    replayed_at timestamptz,
    replays     integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE dead_letter IS 'Messages set aside, with their bytes and the reason';
CREATE INDEX dead_letter_received ON dead_letter (received);

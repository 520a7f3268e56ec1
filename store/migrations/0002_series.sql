-- Time series. The pair (id, time) is minted once at the edge and never restamped, so it is the
-- key that recognises a repeated event; a hypertable demands the time in it. A count is at most
-- 1 000 000 000 by contract, which 4 bytes hold; the sum of eight is not.

CREATE TABLE flow (
    id            uuid NOT NULL,
    time          timestamptz NOT NULL,
    city          text NOT NULL,
    site          text NOT NULL,
    device        text NOT NULL,
    bootid        uuid NOT NULL,
    sequence      bigint NOT NULL,
    received      timestamptz NOT NULL DEFAULT now(),
    replayed      boolean NOT NULL,
    adapter       text,
    lane          text NOT NULL,
    period_s      double precision NOT NULL,
    motorcycle    integer NOT NULL DEFAULT 0,
    car           integer NOT NULL DEFAULT 0,
    bus           integer NOT NULL DEFAULT 0,
    truck         integer NOT NULL DEFAULT 0,
    bicycle       integer NOT NULL DEFAULT 0,
    three_wheeler integer NOT NULL DEFAULT 0,
    pedestrian    integer NOT NULL DEFAULT 0,
    other         integer NOT NULL DEFAULT 0,
    total         bigint NOT NULL,
    speed_kmh     double precision,
    occupancy     double precision,
    queue_m       double precision,
    PRIMARY KEY (id, time)
);
COMMENT ON TABLE flow IS 'Traffic of one lane over one period that ends at time';
CREATE INDEX flow_device ON flow (city, site, device, time DESC);

CREATE TABLE reading (
    id       uuid NOT NULL,
    time     timestamptz NOT NULL,
    city     text NOT NULL,
    site     text NOT NULL,
    device   text NOT NULL,
    bootid   uuid NOT NULL,
    sequence bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT now(),
    replayed boolean NOT NULL,
    adapter  text,
    quantity text NOT NULL,
    value    double precision NOT NULL,
    unit     text NOT NULL,
    quality  text NOT NULL,
    PRIMARY KEY (id, time)
);
COMMENT ON TABLE reading IS 'Values of sensors and city indicators';
CREATE INDEX reading_device ON reading (city, site, device, quantity, time DESC);

CREATE TABLE health (
    id              uuid NOT NULL,
    time            timestamptz NOT NULL,
    city            text NOT NULL,
    site            text NOT NULL,
    device          text NOT NULL,
    bootid          uuid NOT NULL,
    sequence        bigint NOT NULL,
    received        timestamptz NOT NULL DEFAULT now(),
    replayed        boolean NOT NULL,
    adapter         text,
    uptime_s        double precision NOT NULL,
    fps             double precision,
    dropped_frames  bigint,
    stalls          bigint,
    latency_ms      double precision,
    spool_depth     bigint,
    spool_bytes     bigint,
    dropped_events  bigint,
    gpu_utilisation double precision,
    clock_source    text,
    clock_offset_ms double precision,
    PRIMARY KEY (id, time)
);
COMMENT ON TABLE health IS 'How devices say they are';
CREATE INDEX health_device ON health (city, site, device, time DESC);

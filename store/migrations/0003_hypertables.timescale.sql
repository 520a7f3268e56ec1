-- One chunk a day: a day of both cities is far below a quarter of the memory of a small server,
-- which is what TimescaleDB's manual asks of the newest chunk with its indexes.

SELECT create_hypertable('flow', by_range('time', INTERVAL '1 day'),
    create_default_indexes => false);
SELECT create_hypertable('reading', by_range('time', INTERVAL '1 day'),
    create_default_indexes => false);
SELECT create_hypertable('health', by_range('time', INTERVAL '1 day'),
    create_default_indexes => false);

-- A device's spool replays at most 7 days. A chunk is compressed after that, because a late row
-- makes the database unpack the segment it falls into.
ALTER TABLE flow SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'city, site, device',
    timescaledb.compress_orderby = 'time DESC, id'
);
ALTER TABLE reading SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'city, site, device',
    timescaledb.compress_orderby = 'time DESC, id'
);
ALTER TABLE health SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'city, site, device',
    timescaledb.compress_orderby = 'time DESC, id'
);
SELECT add_compression_policy('flow', INTERVAL '8 days');
SELECT add_compression_policy('reading', INTERVAL '8 days');
SELECT add_compression_policy('health', INTERVAL '8 days');

-- Longer than the start offset of every continuous aggregate, or a refresh would wipe history.
SELECT add_retention_policy('flow', INTERVAL '90 days');
SELECT add_retention_policy('reading', INTERVAL '90 days');
SELECT add_retention_policy('health', INTERVAL '90 days');

-- A few hundred rows a minute: chunks of a week, compressed after one, kept as long as raw series.
SELECT create_hypertable('core_figure', by_range('time', INTERVAL '7 days'),
    create_default_indexes => false);
ALTER TABLE core_figure SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'figure, part, label',
    timescaledb.compress_orderby = 'time DESC'
);
SELECT add_compression_policy('core_figure', INTERVAL '8 days');
SELECT add_retention_policy('core_figure', INTERVAL '90 days');

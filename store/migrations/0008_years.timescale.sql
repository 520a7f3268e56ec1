-- What keeps the aggregates fast and small for years.

-- What has come since the last refresh is read from the raw rows. Without these that went through
-- all rows of a city's devices of the day: 10 ms for a range that held no row, now 0.03 ms.
CREATE INDEX flow_time ON flow (time DESC);
CREATE INDEX reading_time ON reading (time DESC);
CREATE INDEX health_time ON health (time DESC);

-- Deliveries that were given up: few among all that were ever made.
CREATE INDEX webhook_delivery_abandoned ON webhook_delivery (abandoned)
    WHERE abandoned IS NOT NULL;

-- By itself a continuous aggregate takes chunks ten times as long as those below it: a day's rows
-- became chunks of 10, 100, 1000 and 10,000 days, of which the last two would never be compressed
-- or dropped. And it gives each grouping column an index of its own, four to six for every row
-- written; the wall asks for a time range, a device's page for one device, a map for one quantity.
DO $$
DECLARE
    aggregate record;
    surplus record;
BEGIN
    FOR aggregate IN
        SELECT view_name AS name, split_part(view_name, '_', 1) AS series, level.*,
               materialization_hypertable_schema AS schema,
               materialization_hypertable_name AS stored
        FROM timescaledb_information.continuous_aggregates
        JOIN (VALUES ('1m', INTERVAL '10 days', INTERVAL '45 days', NULL),
                     ('15m', INTERVAL '30 days', INTERVAL '60 days', INTERVAL '5 minutes'),
                     ('1h', INTERVAL '90 days', INTERVAL '120 days', INTERVAL '10 minutes'),
                     ('1d', INTERVAL '360 days', INTERVAL '400 days', NULL)
             ) AS level (length, chunk, compress_after, soon_every)
            ON split_part(view_name, '_', 2) = level.length
        WHERE view_schema = 'public'
    LOOP
        PERFORM set_chunk_time_interval(
            format('%I.%I', aggregate.schema, aggregate.stored)::regclass, aggregate.chunk);
        FOR surplus IN
            SELECT schemaname, indexname FROM pg_indexes
            WHERE schemaname = aggregate.schema AND tablename = aggregate.stored
              AND indexdef LIKE '%, bucket DESC)'
        LOOP
            EXECUTE format('DROP INDEX %I.%I', surplus.schemaname, surplus.indexname);
        END LOOP;
        EXECUTE format(
            'CREATE INDEX ON %I (city, site, device, bucket DESC)', aggregate.name);
        IF aggregate.series = 'reading' THEN
            EXECUTE format('CREATE INDEX ON %I (quantity, bucket DESC)', aggregate.name);
        END IF;
        -- A refresh looks at most 40 days back, so that it never has to unpack a chunk.
        EXECUTE format(
            'ALTER MATERIALIZED VIEW %I SET (timescaledb.compress, '
            'timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
            aggregate.name, 'city, site, device', 'bucket DESC');
        -- A bucket that is over is stored soon: until then whoever looks adds it up anew from those
        -- below it, 21,000 minutes of 600 devices at the worst. A late row is seen to by a later run.
        IF aggregate.soon_every IS NOT NULL THEN
            PERFORM remove_continuous_aggregate_policy(format('%I', aggregate.name)::regclass);
            PERFORM add_continuous_aggregate_policy(
                format('%I', aggregate.name)::regclass, start_offset => INTERVAL '32 days',
                end_offset => INTERVAL '3 minutes', schedule_interval => aggregate.soon_every,
                buckets_per_batch => 168);
        END IF;
        PERFORM add_compression_policy(
            format('%I', aggregate.name)::regclass, compress_after => aggregate.compress_after);
    END LOOP;
END
$$;

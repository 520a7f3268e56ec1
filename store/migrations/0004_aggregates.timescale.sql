-- Continuous aggregates, each on the one below it. Means are kept as sum and weight, so that the
-- mean of a day is that of its vehicles and not the mean of its hours. A day is a day in Vietnam.
-- materialized_only = false: the default would show nothing of the time since the last refresh.

CREATE MATERIALIZED VIEW flow_1m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', time) AS bucket,
       city, site, device, lane,
       sum(motorcycle)::bigint AS motorcycle,
       sum(car)::bigint AS car,
       sum(bus)::bigint AS bus,
       sum(truck)::bigint AS truck,
       sum(bicycle)::bigint AS bicycle,
       sum(three_wheeler)::bigint AS three_wheeler,
       sum(pedestrian)::bigint AS pedestrian,
       sum(other)::bigint AS other,
       sum(total)::bigint AS total,
       sum(speed_kmh * total) AS speed_sum,
       (sum(total) FILTER (WHERE speed_kmh IS NOT NULL))::bigint AS speed_weight,
       sum(speed_kmh * total)
           / nullif(sum(total) FILTER (WHERE speed_kmh IS NOT NULL), 0)::double precision AS speed_kmh,
       sum(occupancy * period_s) AS occupancy_sum,
       sum(period_s) FILTER (WHERE occupancy IS NOT NULL) AS occupancy_weight,
       sum(occupancy * period_s)
           / nullif(sum(period_s) FILTER (WHERE occupancy IS NOT NULL), 0) AS occupancy,
       max(queue_m) AS queue_m,
       count(*) AS periods
FROM flow
GROUP BY 1, 2, 3, 4, 5
WITH NO DATA;

CREATE MATERIALIZED VIEW flow_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '15 minutes', bucket) AS bucket,
       city, site, device, lane,
       sum(motorcycle)::bigint AS motorcycle,
       sum(car)::bigint AS car,
       sum(bus)::bigint AS bus,
       sum(truck)::bigint AS truck,
       sum(bicycle)::bigint AS bicycle,
       sum(three_wheeler)::bigint AS three_wheeler,
       sum(pedestrian)::bigint AS pedestrian,
       sum(other)::bigint AS other,
       sum(total)::bigint AS total,
       sum(speed_sum) AS speed_sum,
       (sum(speed_weight))::bigint AS speed_weight,
       sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh,
       sum(occupancy_sum) AS occupancy_sum,
       sum(occupancy_weight) AS occupancy_weight,
       sum(occupancy_sum) / nullif(sum(occupancy_weight), 0) AS occupancy,
       max(queue_m) AS queue_m,
       sum(periods)::bigint AS periods
FROM flow_1m
GROUP BY 1, 2, 3, 4, 5
WITH NO DATA;

CREATE MATERIALIZED VIEW flow_1h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 hour', bucket) AS bucket,
       city, site, device, lane,
       sum(motorcycle)::bigint AS motorcycle,
       sum(car)::bigint AS car,
       sum(bus)::bigint AS bus,
       sum(truck)::bigint AS truck,
       sum(bicycle)::bigint AS bicycle,
       sum(three_wheeler)::bigint AS three_wheeler,
       sum(pedestrian)::bigint AS pedestrian,
       sum(other)::bigint AS other,
       sum(total)::bigint AS total,
       sum(speed_sum) AS speed_sum,
       (sum(speed_weight))::bigint AS speed_weight,
       sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh,
       sum(occupancy_sum) AS occupancy_sum,
       sum(occupancy_weight) AS occupancy_weight,
       sum(occupancy_sum) / nullif(sum(occupancy_weight), 0) AS occupancy,
       max(queue_m) AS queue_m,
       sum(periods)::bigint AS periods
FROM flow_15m
GROUP BY 1, 2, 3, 4, 5
WITH NO DATA;

CREATE MATERIALIZED VIEW flow_1d
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
       city, site, device, lane,
       sum(motorcycle)::bigint AS motorcycle,
       sum(car)::bigint AS car,
       sum(bus)::bigint AS bus,
       sum(truck)::bigint AS truck,
       sum(bicycle)::bigint AS bicycle,
       sum(three_wheeler)::bigint AS three_wheeler,
       sum(pedestrian)::bigint AS pedestrian,
       sum(other)::bigint AS other,
       sum(total)::bigint AS total,
       sum(speed_sum) AS speed_sum,
       (sum(speed_weight))::bigint AS speed_weight,
       sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision AS speed_kmh,
       sum(occupancy_sum) AS occupancy_sum,
       sum(occupancy_weight) AS occupancy_weight,
       sum(occupancy_sum) / nullif(sum(occupancy_weight), 0) AS occupancy,
       max(queue_m) AS queue_m,
       sum(periods)::bigint AS periods
FROM flow_1h
GROUP BY 1, 2, 3, 4, 5
WITH NO DATA;

CREATE MATERIALIZED VIEW reading_1m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', time) AS bucket,
       city, site, device, quantity, unit,
       count(*) FILTER (WHERE quality <> 'bad') AS samples,
       count(*) FILTER (WHERE quality = 'bad') AS bad,
       sum(value) FILTER (WHERE quality <> 'bad') AS value_sum,
       sum(value) FILTER (WHERE quality <> 'bad')
           / nullif(count(*) FILTER (WHERE quality <> 'bad'), 0) AS value,
       min(value) FILTER (WHERE quality <> 'bad') AS value_min,
       max(value) FILTER (WHERE quality <> 'bad') AS value_max
FROM reading
GROUP BY 1, 2, 3, 4, 5, 6
WITH NO DATA;

CREATE MATERIALIZED VIEW reading_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '15 minutes', bucket) AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_1m
GROUP BY 1, 2, 3, 4, 5, 6
WITH NO DATA;

CREATE MATERIALIZED VIEW reading_1h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 hour', bucket) AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_15m
GROUP BY 1, 2, 3, 4, 5, 6
WITH NO DATA;

CREATE MATERIALIZED VIEW reading_1d
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_1h
GROUP BY 1, 2, 3, 4, 5, 6
WITH NO DATA;

CREATE MATERIALIZED VIEW health_1m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', time) AS bucket,
       city, site, device,
       count(*) AS samples,
       min(uptime_s) AS uptime_s_min,
       sum(fps) AS fps_sum,
       count(fps) AS fps_samples,
       sum(fps) / nullif(count(fps), 0)::double precision AS fps,
       min(fps) AS fps_min,
       sum(latency_ms) AS latency_ms_sum,
       count(latency_ms) AS latency_ms_samples,
       sum(latency_ms) / nullif(count(latency_ms), 0)::double precision AS latency_ms,
       max(latency_ms) AS latency_ms_max,
       sum(gpu_utilisation) AS gpu_utilisation_sum,
       count(gpu_utilisation) AS gpu_utilisation_samples,
       sum(gpu_utilisation)
           / nullif(count(gpu_utilisation), 0)::double precision AS gpu_utilisation,
       max(gpu_utilisation) AS gpu_utilisation_max,
       max(dropped_frames) AS dropped_frames,
       max(stalls) AS stalls,
       max(spool_depth) AS spool_depth,
       max(spool_bytes) AS spool_bytes,
       max(dropped_events) AS dropped_events,
       max(abs(clock_offset_ms)) AS clock_offset_ms
FROM health
GROUP BY 1, 2, 3, 4
WITH NO DATA;

CREATE MATERIALIZED VIEW health_15m
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '15 minutes', bucket) AS bucket,
       city, site, device,
       sum(samples)::bigint AS samples,
       min(uptime_s_min) AS uptime_s_min,
       sum(fps_sum) AS fps_sum,
       sum(fps_samples)::bigint AS fps_samples,
       sum(fps_sum) / nullif(sum(fps_samples), 0)::double precision AS fps,
       min(fps_min) AS fps_min,
       sum(latency_ms_sum) AS latency_ms_sum,
       sum(latency_ms_samples)::bigint AS latency_ms_samples,
       sum(latency_ms_sum) / nullif(sum(latency_ms_samples), 0)::double precision AS latency_ms,
       max(latency_ms_max) AS latency_ms_max,
       sum(gpu_utilisation_sum) AS gpu_utilisation_sum,
       sum(gpu_utilisation_samples)::bigint AS gpu_utilisation_samples,
       sum(gpu_utilisation_sum)
           / nullif(sum(gpu_utilisation_samples), 0)::double precision AS gpu_utilisation,
       max(gpu_utilisation_max) AS gpu_utilisation_max,
       max(dropped_frames) AS dropped_frames,
       max(stalls) AS stalls,
       max(spool_depth) AS spool_depth,
       max(spool_bytes) AS spool_bytes,
       max(dropped_events) AS dropped_events,
       max(clock_offset_ms) AS clock_offset_ms
FROM health_1m
GROUP BY 1, 2, 3, 4
WITH NO DATA;

CREATE MATERIALIZED VIEW health_1h
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 hour', bucket) AS bucket,
       city, site, device,
       sum(samples)::bigint AS samples,
       min(uptime_s_min) AS uptime_s_min,
       sum(fps_sum) AS fps_sum,
       sum(fps_samples)::bigint AS fps_samples,
       sum(fps_sum) / nullif(sum(fps_samples), 0)::double precision AS fps,
       min(fps_min) AS fps_min,
       sum(latency_ms_sum) AS latency_ms_sum,
       sum(latency_ms_samples)::bigint AS latency_ms_samples,
       sum(latency_ms_sum) / nullif(sum(latency_ms_samples), 0)::double precision AS latency_ms,
       max(latency_ms_max) AS latency_ms_max,
       sum(gpu_utilisation_sum) AS gpu_utilisation_sum,
       sum(gpu_utilisation_samples)::bigint AS gpu_utilisation_samples,
       sum(gpu_utilisation_sum)
           / nullif(sum(gpu_utilisation_samples), 0)::double precision AS gpu_utilisation,
       max(gpu_utilisation_max) AS gpu_utilisation_max,
       max(dropped_frames) AS dropped_frames,
       max(stalls) AS stalls,
       max(spool_depth) AS spool_depth,
       max(spool_bytes) AS spool_bytes,
       max(dropped_events) AS dropped_events,
       max(clock_offset_ms) AS clock_offset_ms
FROM health_15m
GROUP BY 1, 2, 3, 4
WITH NO DATA;

CREATE MATERIALIZED VIEW health_1d
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
       city, site, device,
       sum(samples)::bigint AS samples,
       min(uptime_s_min) AS uptime_s_min,
       sum(fps_sum) AS fps_sum,
       sum(fps_samples)::bigint AS fps_samples,
       sum(fps_sum) / nullif(sum(fps_samples), 0)::double precision AS fps,
       min(fps_min) AS fps_min,
       sum(latency_ms_sum) AS latency_ms_sum,
       sum(latency_ms_samples)::bigint AS latency_ms_samples,
       sum(latency_ms_sum) / nullif(sum(latency_ms_samples), 0)::double precision AS latency_ms,
       max(latency_ms_max) AS latency_ms_max,
       sum(gpu_utilisation_sum) AS gpu_utilisation_sum,
       sum(gpu_utilisation_samples)::bigint AS gpu_utilisation_samples,
       sum(gpu_utilisation_sum)
           / nullif(sum(gpu_utilisation_samples), 0)::double precision AS gpu_utilisation,
       max(gpu_utilisation_max) AS gpu_utilisation_max,
       max(dropped_frames) AS dropped_frames,
       max(stalls) AS stalls,
       max(spool_depth) AS spool_depth,
       max(spool_bytes) AS spool_bytes,
       max(dropped_events) AS dropped_events,
       max(clock_offset_ms) AS clock_offset_ms
FROM health_1h
GROUP BY 1, 2, 3, 4
WITH NO DATA;

-- A refresh looks only at what changed, so the start offset costs nothing: it is the 30 days
-- that the bridge lets an event be late, and less than the 90 days that raw rows are kept.
-- Rows newer than the end offset are added at read time; a late row inside it shows after the
-- next refresh. A batch is one bucket by default, which made the first refresh of three days
-- of minutes take 4320 transactions.
SELECT add_continuous_aggregate_policy('flow_1m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '2 minutes', schedule_interval => INTERVAL '2 minutes',
    buckets_per_batch => 1440);
SELECT add_continuous_aggregate_policy('flow_15m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '15 minutes', schedule_interval => INTERVAL '10 minutes',
    buckets_per_batch => 96);
SELECT add_continuous_aggregate_policy('flow_1h', start_offset => INTERVAL '32 days',
    end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '30 minutes',
    buckets_per_batch => 168);
SELECT add_continuous_aggregate_policy('flow_1d', start_offset => INTERVAL '40 days',
    end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '6 hours',
    buckets_per_batch => 30);
SELECT add_continuous_aggregate_policy('reading_1m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '2 minutes', schedule_interval => INTERVAL '2 minutes',
    buckets_per_batch => 1440);
SELECT add_continuous_aggregate_policy('reading_15m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '15 minutes', schedule_interval => INTERVAL '10 minutes',
    buckets_per_batch => 96);
SELECT add_continuous_aggregate_policy('reading_1h', start_offset => INTERVAL '32 days',
    end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '30 minutes',
    buckets_per_batch => 168);
SELECT add_continuous_aggregate_policy('reading_1d', start_offset => INTERVAL '40 days',
    end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '6 hours',
    buckets_per_batch => 30);
SELECT add_continuous_aggregate_policy('health_1m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '2 minutes', schedule_interval => INTERVAL '2 minutes',
    buckets_per_batch => 1440);
SELECT add_continuous_aggregate_policy('health_15m', start_offset => INTERVAL '31 days',
    end_offset => INTERVAL '15 minutes', schedule_interval => INTERVAL '10 minutes',
    buckets_per_batch => 96);
SELECT add_continuous_aggregate_policy('health_1h', start_offset => INTERVAL '32 days',
    end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '30 minutes',
    buckets_per_batch => 168);
SELECT add_continuous_aggregate_policy('health_1d', start_offset => INTERVAL '40 days',
    end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '6 hours',
    buckets_per_batch => 30);

SELECT add_retention_policy('flow_1m', INTERVAL '400 days');
SELECT add_retention_policy('flow_15m', INTERVAL '800 days');
SELECT add_retention_policy('flow_1h', INTERVAL '1900 days');
SELECT add_retention_policy('flow_1d', INTERVAL '3700 days');
SELECT add_retention_policy('reading_1m', INTERVAL '400 days');
SELECT add_retention_policy('reading_15m', INTERVAL '800 days');
SELECT add_retention_policy('reading_1h', INTERVAL '1900 days');
SELECT add_retention_policy('reading_1d', INTERVAL '3700 days');
SELECT add_retention_policy('health_1m', INTERVAL '400 days');
SELECT add_retention_policy('health_15m', INTERVAL '800 days');
SELECT add_retention_policy('health_1h', INTERVAL '1900 days');
SELECT add_retention_policy('health_1d', INTERVAL '3700 days');

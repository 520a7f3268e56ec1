-- Plain PostgreSQL: views with the names and columns of the continuous aggregates, computed anew at
-- each read, each on the one below it so that both flavours give the same figures.

CREATE VIEW flow_1m AS
SELECT date_bin(INTERVAL '1 minute', time, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW flow_15m AS
SELECT date_bin(INTERVAL '15 minutes', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW flow_1h AS
SELECT date_bin(INTERVAL '1 hour', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW flow_1d AS
SELECT date_trunc('day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
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
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW reading_1m AS
SELECT date_bin(INTERVAL '1 minute', time, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
       city, site, device, quantity, unit,
       count(*) FILTER (WHERE quality <> 'bad') AS samples,
       count(*) FILTER (WHERE quality = 'bad') AS bad,
       sum(value) FILTER (WHERE quality <> 'bad') AS value_sum,
       sum(value) FILTER (WHERE quality <> 'bad')
           / nullif(count(*) FILTER (WHERE quality <> 'bad'), 0) AS value,
       min(value) FILTER (WHERE quality <> 'bad') AS value_min,
       max(value) FILTER (WHERE quality <> 'bad') AS value_max
FROM reading
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW reading_15m AS
SELECT date_bin(INTERVAL '15 minutes', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_1m
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW reading_1h AS
SELECT date_bin(INTERVAL '1 hour', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_15m
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW reading_1d AS
SELECT date_trunc('day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
       city, site, device, quantity, unit,
       sum(samples)::bigint AS samples,
       sum(bad)::bigint AS bad,
       sum(value_sum) AS value_sum,
       sum(value_sum) / nullif(sum(samples), 0)::double precision AS value,
       min(value_min) AS value_min,
       max(value_max) AS value_max
FROM reading_1h
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW health_1m AS
SELECT date_bin(INTERVAL '1 minute', time, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4;

CREATE VIEW health_15m AS
SELECT date_bin(INTERVAL '15 minutes', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4;

CREATE VIEW health_1h AS
SELECT date_bin(INTERVAL '1 hour', bucket, TIMESTAMPTZ '2000-01-03 00:00:00+00') AS bucket,
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
GROUP BY 1, 2, 3, 4;

CREATE VIEW health_1d AS
SELECT date_trunc('day', bucket, 'Asia/Ho_Chi_Minh') AS bucket,
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
GROUP BY 1, 2, 3, 4;

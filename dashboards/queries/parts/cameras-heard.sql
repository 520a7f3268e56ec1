-- The instant asked at, its day in Vietnam, and when the chosen cameras were last heard.
WITH asked AS (
    SELECT $__timeTo()::timestamptz AS at,
           date_trunc('day', $__timeTo()::timestamptz, 'Asia/Ho_Chi_Minh') AS day
), cameras AS (
    -- What cameras see is known up to the last word of those that count traffic.
    SELECT max(least(last_time, last_received, $__timeTo()::timestamptz))
               FILTER (WHERE last_received IS NOT NULL) AS heard
    FROM device
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
      AND EXISTS (SELECT FROM flow_minute AS live WHERE live.city = device.city
          AND live.site = device.site AND live.device = device.device)

-- Seconds since anything came from each camera: each device that counted traffic in 90 days.
SELECT city, site, device,
       greatest(extract(epoch FROM $__timeTo()::timestamptz - last_received), 0)::double precision
           AS value
FROM device
WHERE last_received IS NOT NULL
  AND EXISTS (SELECT FROM flow_minute AS live WHERE live.city = device.city
      AND live.site = device.site AND live.device = device.device)
ORDER BY 1, 2, 3

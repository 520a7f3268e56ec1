-- Milliseconds that the clock of each device was off as it last said, in ten minutes.
SELECT device.city, device.site, device.device, abs(newest.clock_offset_ms) AS value
FROM device
CROSS JOIN LATERAL (
    SELECT clock_offset_ms FROM health
    WHERE health.city = device.city AND health.site = device.site
      AND health.device = device.device AND health.clock_offset_ms IS NOT NULL
      AND health.time > $__timeTo()::timestamptz - INTERVAL '10 minutes'
      AND health.time <= $__timeTo()::timestamptz
    ORDER BY health.time DESC LIMIT 1
) AS newest
ORDER BY 1, 2, 3

-- Seconds since each device said, or its broker for it, that it is away, 0 while it is there.
SELECT city, site, device,
       CASE WHEN state = 'offline'
            THEN greatest(extract(epoch FROM $__timeTo()::timestamptz - state_received), 0)
            ELSE 0 END::double precision AS value
FROM device
WHERE state IS NOT NULL
ORDER BY 1, 2, 3

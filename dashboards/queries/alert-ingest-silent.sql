-- Seconds since anything at all was stored from any device.
SELECT greatest(extract(epoch FROM $__timeTo()::timestamptz - max(last_received)), 0)
           ::double precision AS value
FROM device
HAVING max(last_received) IS NOT NULL

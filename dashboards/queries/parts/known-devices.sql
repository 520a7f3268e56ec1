-- The chosen devices, those included that were never heard.
    -- A device that a site file names and that was never heard has no row, but an alert.
    SELECT city, site, device, bool_or(alerted) AS alerted
    FROM (
        SELECT city, site, device, false AS alerted FROM device
        UNION ALL
        SELECT city, site, device, true FROM alert
        WHERE cleared_at IS NULL AND kind = 'device_silent' AND device IS NOT NULL
    ) AS named
    WHERE city IN (${city:sqlstring}) AND site IN (${site:sqlstring})
    GROUP BY 1, 2, 3

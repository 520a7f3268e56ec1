-- When each of the chosen junctions last counted traffic.
SELECT device.city, device.site, coalesce(site.name_vi, device.site) AS name_vi,
       coalesce(site.name_en, device.site) AS name_en, max(newest.time) AS as_of
FROM device
LEFT JOIN site USING (city, site)
CROSS JOIN LATERAL (
    -- A device's clock that runs ahead gains nothing.
    SELECT least(flow.time, flow.received) AS time FROM flow
    WHERE flow.city = device.city AND flow.site = device.site AND flow.device = device.device
      AND flow.time > $__timeTo()::timestamptz - INTERVAL '24 hours'
    ORDER BY flow.time DESC LIMIT 1
) AS newest
WHERE device.city IN (${city:sqlstring}) AND device.site IN (${site:sqlstring})
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2

-- Events that each device has sent and nobody has, as its numbers say. Gaps older than seven days,
-- for which spools are kept, will not fill any more and are left to the screens.
SELECT device.city, device.site, device.device,
       coalesce(sum(gap.missing), 0)::double precision AS value
FROM device
LEFT JOIN sequence_gap AS gap ON gap.city = device.city AND gap.site = device.site
    AND gap.device = device.device
    AND gap.gap_since > $__timeTo()::timestamptz - INTERVAL '7 days'
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

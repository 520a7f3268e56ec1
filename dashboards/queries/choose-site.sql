-- The junctions of the chosen cities to choose from, by name, and one that stands for none without any.
WITH known AS (
    SELECT city, site FROM site UNION SELECT city, site FROM device
), chosen AS (
    SELECT coalesce(site.name_vi, known.site) AS name, known.site
    FROM known LEFT JOIN site USING (city, site)
    WHERE known.city IN (${city:sqlstring})
)
SELECT min(name) AS __text, site AS __value FROM chosen GROUP BY site
UNION ALL
SELECT '—', '' WHERE NOT EXISTS (SELECT FROM chosen)
ORDER BY 1

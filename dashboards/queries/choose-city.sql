-- The cities to choose from, by name, and one that stands for none while nothing is known.
WITH known AS (
    SELECT city FROM site UNION SELECT city FROM device
)
SELECT coalesce(named.name, known.city) AS __text, known.city AS __value
FROM known
LEFT JOIN (SELECT city, max(city_name_vi) AS name FROM site GROUP BY 1) AS named USING (city)
UNION ALL
-- No choice at all would make IN (), which is no SQL.
SELECT '—', '' WHERE NOT EXISTS (SELECT FROM known)
ORDER BY 1

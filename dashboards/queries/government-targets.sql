-- The newest value of each indicator that is a share, beside its target.
WITH source AS (
    -- Who said it in the last 40 days: one index step finds the newest value then.
    SELECT DISTINCT quantity, city, site, device
    FROM reading_1h
    WHERE quantity = ANY (ARRAY(SELECT quantity FROM indicator WHERE unit = '%'))
      AND bucket > $__timeTo()::timestamptz - INTERVAL '40 days'
      AND bucket <= $__timeTo()::timestamptz
-- part: newest-indicators
)
SELECT indicator.name_vi AS name, said.value,
       CASE
           WHEN said.value IS NULL THEN 'none'
           WHEN missed <= 0 THEN 'ok'
           WHEN missed > 10 THEN 'alarm'
           ELSE 'warn'
       END AS state,
       indicator.target, said.as_of
FROM indicator
LEFT JOIN said USING (quantity)
CROSS JOIN LATERAL (
    SELECT CASE indicator.better WHEN 'higher' THEN indicator.target - said.value
                                 ELSE said.value - indicator.target END AS missed
) AS distance
WHERE indicator.unit = '%'
ORDER BY indicator.position

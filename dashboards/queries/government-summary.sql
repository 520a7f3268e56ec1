-- How many indicators have reached their targets, have not, and of how many nothing is known.
WITH source AS (
    -- Who said it in the last 40 days: one index step finds the newest value then.
    SELECT DISTINCT quantity, city, site, device
    FROM reading_1h
    WHERE quantity = ANY (ARRAY(SELECT quantity FROM indicator))
      AND bucket > $__timeTo()::timestamptz - INTERVAL '40 days'
      AND bucket <= $__timeTo()::timestamptz
-- part: newest-indicators
), counted AS (
    SELECT count(*) AS indicators, count(said.value) AS known, min(said.as_of) AS oldest,
           max(said.as_of) AS as_of,
           count(*) FILTER (WHERE CASE indicator.better
               WHEN 'higher' THEN said.value >= indicator.target
               ELSE said.value <= indicator.target END) AS reached
    FROM indicator LEFT JOIN said USING (quantity)
)
SELECT CASE
           WHEN known = 0 THEN 'none'
           WHEN reached < known THEN 'warn'
           WHEN known < indicators THEN 'none'
           ELSE 'ok'
       END AS state,
       CASE WHEN known > 0 THEN reached END AS reached,
       CASE WHEN known > 0 THEN known - reached END AS missed,
       nullif(indicators, 0) - known AS unknown, oldest, as_of
FROM counted

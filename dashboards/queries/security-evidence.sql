-- Evidence: files read again, those gone or changed, and untrusted signatures of the last 24 hours.
WITH RECURSIVE figures (figure) AS (
    VALUES ('evidence_checked'), ('evidence_left'), ('evidence_faults')
-- part: newest-figures
), round AS (
    SELECT max(value) FILTER (WHERE figure = 'evidence_checked') AS checked,
           max(value) FILTER (WHERE figure = 'evidence_left') AS left_over,
           max(value) FILTER (WHERE figure = 'evidence_faults') AS faults,
           max(time) FILTER (WHERE figure = 'evidence_faults') AS as_of
    FROM newest
), untrusted AS (
    SELECT (SELECT count(*) FROM evidence
            JOIN evidence_set ON evidence_set.manifest = evidence.sha256
            WHERE evidence.received > $__timeTo()::timestamptz - INTERVAL '24 hours'
              AND evidence.received <= $__timeTo()::timestamptz
              AND evidence_set.fault IS NOT NULL)
           + (SELECT count(*) FROM review_case
              JOIN case_violation ON case_violation.case_id = review_case.id
              WHERE review_case.created > $__timeTo()::timestamptz - INTERVAL '24 hours'
                AND review_case.created <= $__timeTo()::timestamptz
                AND case_violation.signature_fault IS NOT NULL) AS untrusted
)
SELECT CASE WHEN faults > 0 THEN 'alarm'
            WHEN untrusted > 0 THEN 'warn'
            WHEN as_of IS NULL OR as_of < $__timeTo()::timestamptz - INTERVAL '5 minutes' THEN 'none'
            ELSE 'ok' END AS state,
       faults, untrusted, checked, left_over, as_of
FROM round CROSS JOIN untrusted

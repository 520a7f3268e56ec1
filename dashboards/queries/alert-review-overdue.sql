-- Cases that wait for people past their deadline.
SELECT count(*)::double precision AS value
FROM review_case
WHERE state IN ('pending', 'second', 'blind', 'disputed') AND deadline < $__timeTo()::timestamptz

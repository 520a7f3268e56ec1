-- TimescaleDB keeps the aggregates in chunks and packs the old ones; on plain PostgreSQL they are
-- views of the raw rows.
SELECT 1;

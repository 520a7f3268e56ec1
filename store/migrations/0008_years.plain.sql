-- TimescaleDB keeps the aggregates in chunks and packs the old ones; on plain PostgreSQL they are
-- views of the raw rows.

-- Deliveries that were given up: few among all that were ever made.
CREATE INDEX webhook_delivery_abandoned ON webhook_delivery (abandoned)
    WHERE abandoned IS NOT NULL;

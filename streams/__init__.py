"""The Faust app: live windows, alerts, the sink into the database, receipts."""

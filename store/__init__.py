"""The database: migrations, batched idempotent writers, typed readers."""

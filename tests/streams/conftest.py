"""A migrated database for each test, as the tests of the store have."""

from __future__ import annotations

from tests.store.conftest import connection, database, template

__all__ = ["connection", "database", "template"]

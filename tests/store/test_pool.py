"""Connections from the settings, and a pool that outlives its database's absence."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolTimeout

from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from store.migrate import migrate
from store.pool import conninfo, open_pool
from store.rows import FLOW, row_of
from store.writers import insert_rows
from tests.servers.postgres import Postgres
from tests.store.samples import CAMERA, flow


def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("p w'd\\\n")
    settings = DatabaseSettings(url="postgresql://ioc@db:5433/ioc", password_file=secret)
    found = conninfo_to_dict(conninfo(settings, "ioc-x"))
    assert found["password"] == "p w'd\\"
    assert (found["host"], found["port"], found["application_name"]) == ("db", "5433", "ioc-x")
    missing = DatabaseSettings(url="postgresql://db/ioc", password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match=r"password_file .*none: No such file"):
        conninfo(missing, "x")


def test_what_the_url_says_wins() -> None:
    url = "postgresql://db/ioc?connect_timeout=3&application_name=mine&options=-c%20work_mem%3D64MB"
    found = conninfo_to_dict(conninfo(DatabaseSettings(url=url), "ioc-x"))
    assert (str(found["connect_timeout"]), found["application_name"]) == ("3", "mine")
    assert str(found["options"]).endswith("-c work_mem=64MB")
    assert "statement_timeout=30000" in str(found["options"])


def test_a_url_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"database\.url: .*expected postgresql://"):
        conninfo(DatabaseSettings(url="mysql://x y"), "x")


async def test_the_limits_reach_the_server(database: DatabaseSettings) -> None:
    settings = database.model_copy(update={"statement_timeout_s": 0.2})
    async with open_pool(settings, "ioc-test") as pool, pool.connection() as connection:
        row = await connection.execute(
            "SELECT current_setting('application_name'), current_setting('TimeZone'), "
            "current_setting('idle_in_transaction_session_timeout')"
        )
        assert await row.fetchone() == ("ioc-test", "UTC", "1min")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await connection.execute("SELECT pg_sleep(5)")


async def test_the_pool_opens_before_the_schema_is_there(postgres: Postgres) -> None:
    settings = DatabaseSettings(url=postgres.url("postgres"))
    async with open_pool(settings, "ioc-test") as pool, pool.connection() as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


@pytest.mark.slow
async def test_the_pool_waits_for_a_database_that_comes_back(server_folder: Path) -> None:
    server = Postgres(server_folder)
    server.start()
    settings = DatabaseSettings(url=server.url())
    migrate(settings)
    rows = [row_of(CAMERA, flow(number)) for number in range(10)]
    try:
        async with open_pool(settings, "ioc-test", size=2) as pool:
            async with pool.connection() as connection:
                assert await insert_rows(connection, FLOW, rows[:5]) == 5
            await asyncio.to_thread(server.kill)
            with pytest.raises((PoolTimeout, psycopg.OperationalError)):
                async with pool.connection(timeout=0.5) as connection:
                    await insert_rows(connection, FLOW, rows)
            await asyncio.to_thread(server.start)
            deadline = time.monotonic() + 30
            while True:
                try:
                    async with pool.connection(timeout=2) as connection:
                        assert await insert_rows(connection, FLOW, rows) == 5
                        break
                except psycopg.OperationalError:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.2)
    finally:
        server.stop()

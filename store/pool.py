"""Connections to the database, from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings

Pool = AsyncConnectionPool[AsyncConnection[Any]]


def conninfo(
    settings: DatabaseSettings, application_name: str, role: str | None = None, **overrides: Any
) -> str:
    """The libpq connection string of the settings.

    A dead peer is noticed after 10 + 3 · 5 seconds without an answer; a transaction that was left
    open is ended after a minute, because it would hold back vacuum and the locks of its rows.

    Args:
        settings: Where the database is, and the limits.
        application_name: Shown in ``pg_stat_activity``.
        role: Database role to work as.
        overrides: Other values for single keys, such as ``dbname``.

    Raises:
        ConfigError: The URL is not one, or the password file cannot be read.
    """
    statement_ms = round(settings.statement_timeout_s * 1000)
    defaults: dict[str, Any] = {
        "application_name": application_name,
        "connect_timeout": 10,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={statement_ms} "
        "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
    }
    if settings.password_file is not None:
        try:
            overrides["password"] = settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"database.password_file {settings.password_file}: {error.strerror}; "
                "name a file that this user may read"
            ) from None
    try:
        given = conninfo_to_dict(settings.url)
    except ProgrammingError as error:
        raise ConfigError(
            f"database.url: {' '.join(str(error).split())}; "
            "expected postgresql://user@host:5432/database"
        ) from None
    if role is not None:
        defaults["options"] += f" -c role={role}"
    if "options" in given:  # what the operator put there stays, and wins
        defaults["options"] += f" {given.pop('options')}"
    return make_conninfo("", **{**defaults, **given, **overrides})


@asynccontextmanager
async def open_pool(
    settings: DatabaseSettings,
    application_name: str,
    *,
    size: int | None = None,
    role: str | None = None,
) -> AsyncIterator[Pool]:
    """A pool of connections, closed at the end.

    It opens at once even when the database is away, and goes on trying: whoever asks for a
    connection meanwhile gets ``psycopg_pool.PoolTimeout`` (a ``psycopg.OperationalError``).

    Args:
        settings: Where the database is, and the limits.
        application_name: Shown in ``pg_stat_activity``.
        size: Connections; default ``settings.pool_size``.
        role: Database role to work as, of which the user of the URL is a member: what that role
            may not do, a fault of ours cannot do either.

    Raises:
        ConfigError: The settings make no connection string.
    """
    pool: Pool = AsyncConnectionPool(
        conninfo(settings, application_name, role=role),
        min_size=1,
        max_size=size or settings.pool_size,
        open=False,
        check=AsyncConnectionPool.check_connection,
        timeout=10,
        reconnect_timeout=60,
        name=application_name,
    )
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=5)

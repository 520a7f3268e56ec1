"""What commands share that work in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ioc.errors import ConfigError
from ioc.settings import load_settings

T = TypeVar("T")


def in_database(
    work: Callable[[Any], Coroutine[Any, Any, T]],
    name: str,
    *,
    role: str | None = None,
    autocommit: bool = False,
) -> T:
    """Do something on one connection.

    Args:
        work: Is given the connection; what it has done is committed at its end.
        name: Of the command, shown in ``pg_stat_activity``.
        role: Database role to work as; None for that of the URL.
        autocommit: Each statement is a transaction of its own.

    Raises:
        ConfigError: The database is away or not migrated, or the role may not.
    """
    import psycopg
    from psycopg import AsyncConnection

    from store.pool import conninfo

    async def whole() -> T:
        text = conninfo(load_settings().database, name, role=role)
        async with await AsyncConnection.connect(text, autocommit=autocommit) as connection:
            return await work(connection)

    try:
        return asyncio.run(whole())
    except psycopg.errors.UndefinedTable:
        raise ConfigError("database.url: has not the tables; run: ioc db migrate") from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(f"database.url: {_line(error)}; grant it, or use another role") from None
    except psycopg.OperationalError as error:
        raise ConfigError(f"database.url: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())

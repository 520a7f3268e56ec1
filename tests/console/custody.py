"""What tests of audit, export and retention share: a console with people, and its rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import psycopg
from fastapi import FastAPI
from psycopg import AsyncConnection

from console.app import build
from console.auth import passwords
from console.auth.guard import cookie_name, token_of
from console.context import Context
from ioc.console_settings import ConsoleSettings
from ioc.ids import uuid7
from ioc.settings import DatabaseSettings, Settings
from store import people
from store.people import ROLES, Role

PASSWORD = "thuyền ghe chợ nổi"
ADDRESS = "http://console.test"


@dataclass
class Hands:
    """A clock that tests set."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Console:
    """A running console.

    Attributes:
        app: The application.
        context: Its parts.
        settings: Of all.
        clock: Its time.
    """

    app: FastAPI
    context: Context
    settings: Settings
    clock: Hands

    @asynccontextmanager
    async def as_(self, role: Role) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody of this role, logged in; ``client.headers`` has the token of forms."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            answer = await client.post("/login", data={"name": role, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            async with self.context.pool.connection() as connection:
                token = token_of(str(client.cookies.get(cookie_name(ADDRESS))))
                cursor = await connection.execute(
                    "SELECT csrf FROM session WHERE token = %s", (token,)
                )
                row = await cursor.fetchone()
            assert row is not None
            client.headers["x-csrf-token"] = row[0]
            yield client

    async def audited(self, action: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Actor, subject and detail of all lines of an action."""
        async with self.context.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT actor, subject, (record::jsonb)->'detail' FROM audit WHERE action = %s "
                "ORDER BY seq",
                (action,),
            )
            return await cursor.fetchall()


def settings_of(database: DatabaseSettings, folder: Path, **more: Any) -> Settings:
    """Settings of a console whose files lie in a folder."""
    values: dict[str, Any] = {
        "public_url": ADDRESS,
        "evidence_url": str(folder / "originals"),
        "work_dir": folder / "work",
        "keys_dir": folder / "keys",
        "second_factor": "optional",
        "min_free_mb": 0,
        "phone": "0293 3878 113",
    }
    console = ConsoleSettings(**(values | more))
    return Settings(database=database, console=console)


@asynccontextmanager
async def running(
    database: DatabaseSettings, folder: Path, *, clock: Hands | None = None, **more: Any
) -> AsyncIterator[Console]:
    """A console with a person of each role, who logs in by the role's name; no background work."""
    settings = settings_of(database, folder, **more)
    await enter_people(database)
    clock = clock or Hands()
    app = build(settings, clock)
    with patch("console.app.keep_up", _nothing):
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
    try:
        context = app.state.context
        assert isinstance(context, Context)
        yield Console(app, context, settings, clock)
    finally:
        await lifespan.__aexit__(None, None, None)


async def enter_people(database: DatabaseSettings) -> None:
    """One person of each role."""
    kept = passwords.make_hash(PASSWORD)
    async with await AsyncConnection.connect(database.url) as connection:
        for role in ROLES:
            await people.add_person(
                connection,
                id=uuid7(datetime.now(UTC)),
                login=role,
                name=f"Nguyễn Thị {role.capitalize()}",
                role=role,
                unit="Đội CSGT số 1",
                password_hash=kept,
                must_change=False,
            )


def as_owner(database: DatabaseSettings, statement: str, *values: Any) -> None:
    """What only the owner of the database can do: with the triggers off."""
    with psycopg.connect(database.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode(), values)


async def _nothing(context: Context) -> None:
    await asyncio.sleep(0)

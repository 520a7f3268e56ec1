"""What tests of log-ins through an identity provider share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from console.texts import say
from ioc.console_settings import OidcSettings
from ioc.ids import uuid7
from ioc.settings import DatabaseSettings
from tests.console.custody import ADDRESS, Console, running
from tests.console.identity_provider import CLIENT, SECRET, IdentityProvider

LAN = {"sub": "u-1", "preferred_username": "lan", "name": "Trần Thị Lan", "ioc_role": "reviewer"}


@pytest.fixture(name="provider")
def identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider(person=dict(LAN))
    with provider.serving():
        yield provider


@pytest.fixture(name="console")
async def oidc_console(
    database: DatabaseSettings, tmp_path: Path, provider: IdentityProvider
) -> AsyncIterator[Console]:
    async with with_oidc(database, tmp_path, provider) as console:
        yield console


@asynccontextmanager
async def with_oidc(
    database: DatabaseSettings, folder: Path, provider: IdentityProvider, **more: Any
) -> AsyncIterator[Console]:
    secret = folder / "client-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    settings = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret_file=None if provider.way == "none" else secret,
        name="VNeID nội bộ",
        **more,
    )
    async with running(database, folder, oidc=settings) as console:
        yield console


@pytest.fixture(name="browser")
async def oidc_browser(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    async with new_browser(console) as client:
        yield client


@asynccontextmanager
async def new_browser(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(console.app)
    headers = {"Accept": "text/html"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
        yield client


async def answer_of(browser: httpx.AsyncClient, next: str = "/") -> str:
    """Leave for the provider, log in there; returns the address that it sends back to."""
    left = await browser.get("/login/oidc", params={"next": next})
    assert left.status_code == 303, left.text
    async with httpx.AsyncClient() as outside:
        back = await outside.get(left.headers["location"])
    assert back.status_code == 302, back.text
    address = back.headers["location"]
    assert isinstance(address, str)
    return address


async def log_in(browser: httpx.AsyncClient, next: str = "/") -> httpx.Response:
    return await browser.get(await answer_of(browser, next))


def assert_refused(
    console: Console, browser: httpx.AsyncClient, answer: httpx.Response, why: str
) -> None:
    """The log-in page says why, and nobody is logged in."""
    assert answer.status_code in (401, 502), answer.status_code
    assert '<form method="post" action="/login">' in answer.text
    what = say("vi", "login_oidc_failed", name="VNeID nội bộ", what=say("vi", why))
    assert what in answer.text
    assert "ioc" not in browser.cookies
    assert "ioc-oidc" not in browser.cookies


async def sessions(console: Console) -> int:
    async with console.context.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM session")
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def person(database: DatabaseSettings, subject: str = "u-1") -> dict[str, Any] | None:
    with psycopg.connect(database.url, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(
            "SELECT * FROM person WHERE oidc_subject = %s", (subject,)
        ).fetchone()


def enter(database: DatabaseSettings, role: str = "operator", **columns: Any) -> None:
    """Somebody whom the provider knows as u-1."""
    values = {"id": uuid7(datetime.now(UTC)), "login": "tran.lan", "name": "Lan", "role": role}
    values |= {"oidc_subject": "u-1", **columns}
    with psycopg.connect(database.url) as connection:
        connection.execute(
            f"INSERT INTO person ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )

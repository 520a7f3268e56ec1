"""What the console tells the wall of itself: the audit's chain, and programs it has refused."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest
from psycopg_pool import PoolTimeout

from console import audit_check, refusals
from ioc.settings import DatabaseSettings
from tests.console.custody import as_owner, running
from tests.console.senders import OTHER, grant, make_set, rows, stored, until

REFUSED = (
    "SELECT label, sum(value) FROM core_figure WHERE part = 'console' "
    "AND figure = 'refused_programs' GROUP BY 1"
)


async def test_the_audits_check_says_what_it_found(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        async with console.as_("reviewer"):
            pass
        await audit_check.work(console.context)
        as_owner(database, "UPDATE audit SET actor = 'x' WHERE seq = 1")
        (tmp_path / "work" / audit_check.FILE).unlink()
        console.clock.now = console.clock.now.replace(microsecond=5000)
        await audit_check.work(console.context)
    lines = rows(database, "SELECT count(*) FROM audit")[0][0]
    found = rows(
        database,
        "SELECT figure, array_agg(value ORDER BY time), min(unit) FROM core_figure "
        "WHERE part = 'console' AND figure LIKE 'audit%%' GROUP BY 1 ORDER BY 1",
    )
    assert found == [
        ("audit_faults", [0, 1], "count"),
        ("audit_lines", [lines, lines], "count"),
        ("audit_roots", [0, 0], "count"),
    ]


async def test_programs_that_are_refused_are_counted_by_kind(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    evidence = make_set(tmp_path / "node", tmp_path / "keys")
    manifest = next(ref.sha256 for ref in evidence.refs if ref.role == "manifest")
    name = hashlib.sha256(b"x").hexdigest()
    async with running(database, tmp_path) as console:
        transport = httpx.ASGITransport(console.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:

            async def put(sha256: str, token: str, data: bytes) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                done = await client.put(f"/evidence/{sha256}", content=data, headers=headers)
                return done.status_code

            assert await put(name, "nobody's", b"x") == 401
            assert (await client.get("/api/v1/cases")).status_code == 401
            handover = grant(database, scope="handover")
            assert await put(name, handover, b"x") == 403
            device = grant(database)
            assert await put(name, device, b"y") == 422
            other = grant(database, OTHER)
            assert await put(manifest, other, stored(tmp_path / "node", manifest)) == 403
            assert await put(name, device, b"x") == 201
            # People are turned away too, each with a line of the audit; they are none of these.
            assert (await client.get("/people")).status_code == 401
        await console.context.refusals.tell(console.context)
        assert dict(rows(database, REFUSED)) == {
            "": 5, "token": 2, "scope": 1, "digest": 1, "foreign": 1,
        }  # fmt: skip
        await console.context.refusals.tell(console.context)
        assert dict(rows(database, REFUSED))[""] == 5  # told once


async def test_counts_are_kept_while_the_database_is_away(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(database, tmp_path) as console:
        console.context.refusals.note("refused_token")
        with monkeypatch.context() as away:
            away.setattr(console.context.pool, "connection", _away)
            with pytest.raises(PoolTimeout):
                await console.context.refusals.tell(console.context)
        console.context.refusals.note("refused_token")
        await console.context.refusals.tell(console.context)
    assert dict(rows(database, REFUSED)) == {"": 2, "token": 2}


async def test_a_console_tells_every_minute_and_once_more_when_it_ends(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "EVERY_S", 0.05)
    async with running(database, tmp_path) as console:
        await asyncio.to_thread(until, lambda: len(rows(database, REFUSED)) == 1)
        monkeypatch.setattr(refusals, "EVERY_S", 60)
        await asyncio.sleep(0.2)
        console.context.refusals.note("upload_digest")
    assert dict(rows(database, REFUSED)) == {"": 1, "digest": 1}


def _away(timeout: float | None = None) -> None:
    raise PoolTimeout("the database is away")

"""The slow check of all evidence: it comes round to every file and finds each flipped bit."""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import obstore
import psycopg
import pytest
from obstore.store import HTTPStore

from console import evidence_check, retention
from console.evidence_check import FILE, MIB, ROUND_LEAST, Checked, work
from ioc.settings import DatabaseSettings
from tests.console.custody import Console, running
from tests.console.senders import execute, grant, rows

FILES = 6
KIB = 1024


async def put(console: Console, database: DatabaseSettings, *sizes: int) -> list[str]:
    """Send files of random bytes; their digests in order."""
    names = []
    headers = {"Authorization": f"Bearer {grant(database)}"}
    transport = httpx.ASGITransport(console.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        for size in sizes:
            data = secrets.token_bytes(size)
            names.append(hashlib.sha256(data).hexdigest())
            answer = await client.put(f"/evidence/{names[-1]}", content=data, headers=headers)
            assert answer.status_code == 201, answer.text
    return sorted(names)


def place(folder: Path, sha256: str) -> Path:
    return folder / "originals" / sha256[:2] / sha256


def flip(path: Path) -> Callable[[], None]:
    """Flip one bit; gives what flips it back."""
    at, bit = random.randrange(path.stat().st_size), 1 << random.randrange(8)

    def turn() -> None:
        data = bytearray(path.read_bytes())
        data[at] ^= bit
        path.chmod(0o644)
        path.write_bytes(data)

    turn()
    return turn


async def turn(console: Console) -> Checked:
    told = await work(console.context)
    assert told is not None
    console.clock.now += timedelta(seconds=60)
    return told


async def next_round(console: Console) -> Checked:
    console.clock.now += ROUND_LEAST
    return await turn(console)


def figures(database: DatabaseSettings) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for figure, value in rows(
        database, "SELECT figure, value FROM core_figure WHERE part = 'console' ORDER BY time"
    ):
        found.setdefault(figure, []).append(value)
    return found


async def test_one_flipped_bit_is_found_told_once_and_forgotten_when_it_is_mended(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        names = await put(console, database, *[KIB] * FILES)
        whole = await turn(console)
        assert (whole.files, whole.many, whole.done) == (FILES, 0, True)
        back = flip(place(tmp_path, names[2]))
        assert (await turn(console)).many == 0  # the next round has not begun
        for _ in range(3):
            found = await next_round(console)
            assert found.faults == (names[2],)
        told = await console.audited("evidence.damaged")
        assert [(actor, subject) for actor, subject, _ in told] == [
            ("system:evidence-check", f"evidence:{names[2]}")
        ]
        assert "its bytes have changed" in told[0][2]["what"]
        back()
        assert (await next_round(console)).many == 0
        restored = await console.audited("evidence.restored")
        assert [subject for _, subject, _ in restored] == [f"evidence:{names[2]}"]
        place(tmp_path, names[2]).unlink()
        assert (await next_round(console)).many == 1
        assert (await console.audited("evidence.damaged"))[1][2]["what"] == "is gone"
    seen = figures(database)
    assert seen["evidence_faults"] == [0, 0, 1, 1, 1, 0, 1]
    assert set(seen["evidence_checked"]) == {FILES}
    assert set(seen["evidence_left"]) == {0}
    assert len(seen["evidence_round_s"]) == 7


async def test_a_turn_reads_its_share_and_the_next_goes_on_there(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    share = 3 * KIB / MIB
    async with running(database, tmp_path, check_mb=share) as console:
        await put(console, database, *[KIB] * 8)
        assert [(await turn(console)).files for _ in range(2)] == [3, 6]
    # Another console, or this one after a kill: what was done stays done.
    with psycopg.connect(database.url) as connection:
        connection.execute("DELETE FROM person")
    async with running(database, tmp_path, check_mb=share) as console:
        console.clock.now += timedelta(seconds=180)
        last = await turn(console)
        assert (last.files, last.done) == (8, True)
        assert last.round_s is not None and 100 < last.round_s < 1000
    seen = figures(database)
    assert seen["evidence_checked"] == [3, 6, 8]
    assert seen["evidence_left"] == [5, 2, 0]
    assert len(seen["evidence_round_s"]) == 1  # not known before


async def test_a_large_file_is_paid_off_by_turns_that_read_nothing(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path, check_mb=KIB / MIB) as console:
        await put(console, database, 5 * KIB, 5 * KIB)
        counts = [(await turn(console)).files for _ in range(6)]
        assert counts == [1, 1, 1, 1, 1, 2]


async def test_what_arrives_in_the_middle_of_a_round_is_read_in_the_next(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        first = await turn(console)
        assert (first.files, first.done, first.round_s) == (0, True, 0)
        names = await put(console, database, KIB, KIB)
        flip(place(tmp_path, names[0]))
        assert (await turn(console)).files == 0
        found = await next_round(console)
        assert (found.files, found.faults) == (2, (names[0],))


async def test_what_retention_deletes_is_no_fault(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(database, tmp_path) as console:
        names = await put(console, database, KIB, KIB)
        flip(place(tmp_path, names[0]))
        assert (await turn(console)).many == 1
        # The check looks just when a file's bytes are gone and the deletion is not committed.
        deleted, checked = asyncio.Event(), asyncio.Event()
        real = obstore.delete_async

        async def delete(*args: Any) -> None:
            await real(*args)
            deleted.set()
            await asyncio.wait_for(checked.wait(), 10)

        monkeypatch.setattr(obstore, "delete_async", delete)
        console.clock.now += timedelta(days=60)
        removal = asyncio.create_task(retention.work(console.context))
        await asyncio.wait_for(deleted.wait(), 10)
        check = asyncio.create_task(work(console.context))
        await asyncio.sleep(0.5)
        assert not check.done()
        checked.set()
        await removal
        told = await check
        assert told is not None and told.many == 0
        assert len(await console.audited("evidence.deleted")) == 2
        assert len(await console.audited("evidence.damaged")) == 1  # the flipped bit, before


async def test_a_store_that_is_away_says_nothing_and_loses_nothing(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(database, tmp_path) as console:
        await put(console, database, KIB)
        away = HTTPStore.from_url(
            "http://127.0.0.1:1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        here = console.context.originals
        object.__setattr__(console.context, "originals", away)
        assert await work(console.context) is None
        assert figures(database) == {}
        assert not await console.audited("evidence.damaged")
        object.__setattr__(console.context, "originals", here)
        assert (await turn(console)).files == 1


async def test_more_faults_than_are_kept_are_still_counted(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_check, "_MOST_KEPT", 2)
    async with running(database, tmp_path) as console:
        names = await put(console, database, *[KIB] * 5)
        for name in names:
            place(tmp_path, name).unlink()
        for _ in range(2):
            told = await next_round(console)
            assert (told.many, len(told.faults)) == (5, 2)
        assert len(await console.audited("evidence.damaged")) == 5


async def test_a_garbled_memory_begins_anew_and_repeats_nothing_in_the_audit(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        names = await put(console, database, KIB)
        flip(place(tmp_path, names[0]))
        await turn(console)
        (tmp_path / "work" / FILE).write_text("{")
        assert (await turn(console)).faults == (names[0],)
        assert len(await console.audited("evidence.damaged")) == 1


async def test_files_that_are_deleted_are_not_looked_for(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        names = await put(console, database, KIB, KIB)
        execute(database, "UPDATE evidence SET deleted = now() WHERE sha256 = %s", names[0])
        place(tmp_path, names[0]).unlink()
        told = await turn(console)
        assert (told.files, told.many) == (1, 0)
        # Nor are those that were damaged before.
        place(tmp_path, names[1]).unlink()
        assert (await next_round(console)).many == 1
        execute(database, "UPDATE evidence SET deleted = now() WHERE sha256 = %s", names[1])
        assert (await turn(console)).many == 0

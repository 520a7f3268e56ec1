"""What is past its time goes, all of it and nothing else, and leaves its hash."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import ObjectStore
from typer.testing import CliRunner

from console import retention
from console.keeping import StorageError
from console.originals import place_of
from console.retention import Outcome
from ioc.cli import app
from ioc.console_settings import ConsoleSettings
from ioc.settings import DatabaseSettings, load_settings
from store import retention as table
from tests.console.custody import Console, as_owner, enter_people, running
from tests.console.exports import Act, deliver, enrol_camera, enter_case, make_act

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SETTINGS = ConsoleSettings(confirmed_keep_days=730, rejected_keep_days=7, unreviewed_keep_days=30)
DAY = timedelta(days=1)


async def turn(console: Console, *, dry: bool = False) -> Outcome:
    """One turn, and what it told to forget."""
    forgotten: list[str] = []

    async def forget(sha256: str) -> None:
        forgotten.append(sha256)

    async with console.context.pool.connection() as connection:
        done = await retention.run(
            connection, console.context.originals, console.context.settings, console.clock(),
            forget=forget, dry=dry,
        )  # fmt: skip
    gone = [digest for one in done.cases for digest in one.deleted] + done.orphans
    assert sorted(forgotten) == ([] if dry else sorted(gone))
    return done


def original(folder: Path, digest: str) -> Path:
    return folder / "originals" / place_of(digest)


def there(folder: Path, act: Act) -> set[str]:
    """Roles whose originals lie in the store."""
    return {ref.role for ref in act.evidence.refs if original(folder, ref.sha256).exists()}


async def rows(console: Console, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with console.context.pool.connection() as connection:
        return await (await connection.execute(query.encode(), values)).fetchall()


async def test_a_rejected_case_loses_plate_and_files_and_keeps_its_hashes(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        enrol_camera(database, tmp_path)
        deliver(database, tmp_path, act)
        number = enter_case(database, [act], state="rejected", decided=console.clock())
        console.clock.now += timedelta(days=6.9)
        assert (await turn(console)).cases == []
        assert len(there(tmp_path, act)) == 7
        ((plate,),) = await rows(console, "SELECT plate_text FROM violation")
        assert plate and await naming(console, plate)
        console.clock.now += timedelta(days=0.2)
        done = await turn(console)
        assert [(one.number, one.reason, len(one.deleted)) for one in done.cases] == [
            (number, "rejected", 7)
        ]
        assert await naming(console, plate) == []
        assert done.bytes == sum(ref.bytes for ref in act.evidence.refs)
        assert there(tmp_path, act) == set()
        (told,) = await rows(
            console,
            "SELECT plate_read, plate_fixed, expunged, rules, site, state FROM review_case",
        )
        assert told == (None, None, console.clock(), ["red_light"], "tran-hung-dao", "rejected")
        kept = await rows(console, "SELECT sha256, deleted FROM evidence")
        assert dict(kept) == {ref.sha256: console.clock() for ref in act.evidence.refs}
        audited = await console.audited("evidence.deleted")
        assert {one[1] for one in audited} == {f"evidence:{r.sha256}" for r in act.evidence.refs}
        assert all(one[2] == {"why": "rejected", "case": number} for one in audited)
        assert all(one[0] == "system:retention" for one in audited)
        assert await console.audited("case.expunged") == [
            ("system:retention", f"case:{number}", {"why": "rejected", "files": 7})
        ]
        # A second turn has nothing to do, and says nothing.
        assert (await turn(console)).files == 0
        assert len(await console.audited("case.expunged")) == 1


async def naming(console: Console, plate: str) -> list[str]:
    """The tables in which a plate stands, in any column."""
    tables = await rows(
        console, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    found = []
    for (name,) in tables:
        async with console.context.pool.connection() as connection:
            cursor = await connection.execute(
                f"SELECT count(*) FROM {name} AS t WHERE t::text LIKE %s".encode(), (f"%{plate}%",)
            )
            row = await cursor.fetchone()
        if row is not None and row[0]:
            found.append(name)
    return found


async def test_confirmed_and_never_decided_ones_have_their_own_time(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        enrolled = make_act(database, tmp_path, track=1)
        waiting = make_act(database, tmp_path, track=2)
        for act in (enrolled, waiting):
            deliver(database, tmp_path, act)
        begun = console.clock()
        confirmed = enter_case(database, [enrolled], decided=begun)
        pending = enter_case(database, [waiting], state="pending")
        console.clock.now = waiting.data.act_time + timedelta(days=30.1)
        assert [one.number for one in (await turn(console)).cases] == [pending]
        assert len(there(tmp_path, enrolled)) == 7
        console.clock.now = begun + timedelta(days=729)
        assert (await turn(console)).cases == []
        console.clock.now = begun + timedelta(days=731)
        assert [one.number for one in (await turn(console)).cases] == [confirmed]


async def test_a_hold_stops_the_clock(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act)
        number = enter_case(database, [act], state="rejected", decided=console.clock(), hold="tòa")
        console.clock.now += timedelta(days=3650)
        assert (await turn(console)).files == 0
        assert len(there(tmp_path, act)) == 7
        as_owner(database, "UPDATE review_case SET hold = NULL")
        assert [one.number for one in (await turn(console)).cases] == [number]


async def test_a_file_that_a_living_case_uses_stays(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        one = make_act(database, tmp_path, track=1)
        two = make_act(database, tmp_path, track=2)
        deliver(database, tmp_path, one)
        deliver(database, tmp_path, two)
        shared = {ref.sha256 for ref in one.evidence.refs} & {
            ref.sha256 for ref in two.evidence.refs
        }
        assert shared  # the clips of one camera at one time are one file
        rejected = enter_case(database, [one], state="rejected", decided=console.clock())
        confirmed = enter_case(database, [two], decided=console.clock())
        console.clock.now += timedelta(days=8)
        (gone,) = (await turn(console)).cases
        assert (gone.number, set(gone.kept)) == (rejected, shared)
        assert len(there(tmp_path, two)) == 7
        console.clock.now += timedelta(days=800)
        (gone,) = (await turn(console)).cases
        assert (gone.number, gone.kept) == (confirmed, ())
        assert there(tmp_path, two) == set()
        left = await rows(console, "SELECT count(*) FROM evidence WHERE deleted IS NULL")
        assert left == [(0,)]


async def test_two_that_share_files_and_go_together_leave_none(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        acts = [make_act(database, tmp_path, track=track) for track in (1, 2)]
        for act in acts:
            deliver(database, tmp_path, act)
            enter_case(database, [act], state="rejected", decided=console.clock())
        console.clock.now += timedelta(days=8)
        done = await turn(console)
        assert len(done.cases) == 2
        assert [there(tmp_path, act) for act in acts] == [set(), set()]
        assert len({digest for one in done.cases for digest in one.deleted}) == done.files


async def test_evidence_that_never_found_its_event_goes(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        lost, late = (make_act(database, tmp_path, track=track) for track in (1, 2))
        old = console.clock() - timedelta(days=31)
        deliver(database, tmp_path, lost, received=old)
        deliver(database, tmp_path, late, received=old)  # its event came only now
        as_owner(database, "DELETE FROM violation WHERE id = %s", lost.id)
        done = await turn(console)
        alone = {r.sha256 for r in lost.evidence.refs} - {r.sha256 for r in late.evidence.refs}
        assert (done.cases, set(done.orphans)) == ([], alone)
        assert len(there(tmp_path, late)) == 7
        audited = await console.audited("evidence.deleted")
        assert {one[2]["why"] for one in audited} == {"no_event"}
        # Nobody ever made a case of the other: that is no reason to keep it for ever.
        console.clock.now += timedelta(days=31)
        assert len((await turn(console)).orphans) == 7


async def test_what_is_new_is_left_alone(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act, received=console.clock() - timedelta(days=29))
        as_owner(database, "DELETE FROM violation")
        assert (await turn(console)).files == 0


async def test_a_dry_run_changes_nothing(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act)
        enter_case(database, [act], state="rejected", decided=console.clock())
        console.clock.now += timedelta(days=8)
        told = await turn(console, dry=True)
        assert len(there(tmp_path, act)) == 7
        assert await console.audited("evidence.deleted") == []
        assert await turn(console) == told


async def test_a_store_that_refuses_leaves_the_case_due(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act)
        enter_case(database, [act], state="rejected", decided=console.clock())
        console.clock.now += timedelta(days=8)
        real, calls = obstore.delete_async, []

        async def third_fails(store: ObjectStore, path: str) -> None:
            calls.append(path)
            if len(calls) == 3:
                raise OSError("the line is down")
            await real(store, path)

        with monkeypatch.context() as patch:
            patch.setattr(obstore, "delete_async", third_fails)
            with pytest.raises(StorageError, match="the line is down"):
                await turn(console)
        assert len(there(tmp_path, act)) == 5
        assert await rows(console, "SELECT expunged FROM review_case") == [(None,)]
        assert await console.audited("evidence.deleted") == []
        done = await turn(console)
        assert len(done.cases[0].deleted) == 7
        assert there(tmp_path, act) == set()


async def test_a_hold_that_comes_in_the_last_moment_counts(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act)
        enter_case(database, [act], state="rejected", decided=console.clock())
        console.clock.now += timedelta(days=8)
        real = table.users_of

        async def hold_now(*words: Any) -> Any:
            as_owner(database, "UPDATE review_case SET hold = 'tòa'")
            return await real(*words)

        monkeypatch.setattr(table, "users_of", hold_now)
        assert (await turn(console)).files == 0
        assert len(there(tmp_path, act)) == 7


async def test_viewing_copies_go_too(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        deliver(database, tmp_path, act)
        enter_case(database, [act], state="rejected", decided=console.clock())
        digest = act.digest("clip")
        copy = console.context.views.folder / digest[:2] / digest / "clip.mp4"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(b"x")
        console.clock.now += timedelta(days=8)
        await retention.work(console.context)
        assert not copy.exists()


async def test_many_cases_go_in_several_batches(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "ORPHANS", 3)
    async with running(database, tmp_path) as console:
        lost = make_act(database, tmp_path, track=9)
        deliver(database, tmp_path, lost, received=console.clock() - timedelta(days=31))
        as_owner(database, "DELETE FROM violation")
        numbers = [
            enter_case(
                database, [make_act(database, tmp_path, track=track)], state="rejected",
                decided=console.clock() - timedelta(days=8),
            )
            for track in range(5)
        ]  # fmt: skip
        # They name the files that are shared with the lost set, which stay for them until they go.
        done = await turn(console)
        assert [one.number for one in done.cases] == numbers
        left = await rows(console, "SELECT count(*) FROM evidence WHERE deleted IS NULL")
        assert left == [(0,)]


def test_the_command_tells_and_does(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    monkeypatch.setenv("IOC_CONSOLE__WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("IOC_CONSOLE__EVIDENCE_URL", str(tmp_path / "originals"))
    load_settings.cache_clear()
    asyncio.run(enter_people(database))
    act = make_act(database, tmp_path)
    deliver(database, tmp_path, act)
    old = datetime.now(UTC) - timedelta(days=8)
    number = enter_case(database, [act], state="rejected", decided=old)
    digest = act.digest("clip")
    copy = tmp_path / "work/views" / digest[:2] / digest / "x.webm"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"x")

    def ioc(*words: str) -> str:
        done = CliRunner().invoke(app, ["console", "retention", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert f"case {number}: rejected, 7 files" in ioc("--dry-run")
    assert "would be removed" in ioc("--dry-run")
    told = json.loads(ioc("--dry-run", "--json"))
    assert (told["dry_run"], told["files"]) == (True, 7)
    assert told["cases"][0]["deleted"] == sorted(ref.sha256 for ref in act.evidence.refs)
    assert len(there(tmp_path, act)) == 7
    assert json.loads(ioc("--json")) == {**told, "dry_run": False}
    assert there(tmp_path, act) == set()
    assert not copy.exists()
    assert "cases: none; 0 files" in ioc()

"""The audit in a real database: who may add, who may not change, and what a check says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from typer.testing import CliRunner, Result

from console import audit_check, audit_roots
from ioc.cli import app
from ioc.settings import DatabaseSettings, load_settings
from store import audit, roots
from store.chain import Head, Line, link
from tests.console.custody import as_owner, running

END_AT = "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE seq = {})"


async def append(database: DatabaseSettings, many: int = 5, who: str = "a") -> None:
    async with await AsyncConnection.connect(database.url) as connection:
        await connection.execute("SET ROLE ioc_console")
        for number in range(many):
            async with connection.transaction():
                await audit.append(connection, who, "case.viewed", f"case:{number}", why="vì sao")


@pytest.fixture
def folder(tmp_path: Path, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a console, which commands use too."""
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    monkeypatch.setenv("IOC_CONSOLE__WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("IOC_CONSOLE__KEYS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("IOC_CONSOLE__EVIDENCE_URL", str(tmp_path / "originals"))
    load_settings.cache_clear()
    return tmp_path


def ioc(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def date_lines(database: DatabaseSettings, days: int) -> None:
    """Let all lines be some days older, hashes and all, as if they had been written then."""
    previous, at = bytes(32), "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    with psycopg.connect(database.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit SET at = at - make_interval(days => %s)", (days,))
        for seq, record, text in connection.execute(
            f"SELECT seq, record, {at} FROM audit ORDER BY seq".encode()
        ).fetchall():
            told = json.dumps({**json.loads(record), "at": text}, ensure_ascii=False)
            digest = link(previous, told)
            connection.execute(
                "UPDATE audit SET record = %s, previous = %s, hash = %s WHERE seq = %s",
                (told, previous, digest, seq),
            )
            previous = digest
        connection.execute("UPDATE audit_head SET hash = %s", (previous,))


@pytest.mark.parametrize("role", ["ioc_console", None])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'b' WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 1",
        "TRUNCATE audit",
        "UPDATE review_decision SET note = 'x'",
        "DELETE FROM review_decision",
        "TRUNCATE review_decision",
    ],
)
async def test_nobody_changes_what_was_written(
    database: DatabaseSettings,
    statement: str,
    role: str | None,
) -> None:
    await append(database, 2)
    with psycopg.connect(database.url) as connection:
        # A row, for a trigger on rows has nothing to refuse without one.
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO review_decision (id, case_id, round, stage, person, verdict) "
            "SELECT gen_random_uuid(), gen_random_uuid(), 1, 'first', gen_random_uuid(), 'confirm'"
        )
    with psycopg.connect(database.url) as connection:
        if role is not None:
            connection.execute(f"SET ROLE {role}".encode())
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_head SET seq = 0",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "INSERT INTO audit VALUES (9, now(), 'a', 'b', 'c', '{}', '\\x00', '\\x00')",
        "UPDATE audit_root SET seq = 0",
        "DELETE FROM audit_root",
        "DROP TABLE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_fixed ON audit",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        "CREATE TEMPORARY TABLE audit_head (one boolean, seq bigint, hash bytea)",
    ],
)
async def test_the_console_cannot_move_the_end_of_the_chain(
    database: DatabaseSettings,
    statement: str,
) -> None:
    await append(database, 2)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SET ROLE ioc_console")
        if statement.startswith("CREATE TEMPORARY"):
            # Allowed to all; the function that adds must not take it for the real one.
            connection.execute(statement.encode())
            connection.execute("SELECT audit_append('a', 'b', 'c', '{}')")
            connection.execute("DROP TABLE pg_temp.audit_head")
        else:
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement.encode())
    async with await AsyncConnection.connect(database.url) as link_:
        rows, end = await audit.stretch(link_, 0, 10)
        assert end.seq == len(rows) == (3 if "TEMPORARY" in statement else 2)


async def test_eight_who_write_at_once_make_one_chain(database: DatabaseSettings) -> None:
    await asyncio.gather(*(append(database, 25, f"person:{number}") for number in range(8)))
    async with await AsyncConnection.connect(database.url, autocommit=True) as connection:

        async def stretch(begin: int, most: int) -> tuple[list[Line], Head]:
            return await audit.stretch(connection, begin, most)

        chain = await audit_check.check(stretch, [], [], audit_roots.trusted(Path("/nowhere")))
    assert (chain.faults, chain.lines, chain.seq) == ([], 200, 200)


async def test_a_line_stands_with_its_deed_or_not_at_all(database: DatabaseSettings) -> None:
    async with await AsyncConnection.connect(database.url) as connection:
        async with connection.transaction(force_rollback=True):
            await audit.append(connection, "a", "b", "c")
        assert (await audit.head(connection)).seq == 0


def test_the_command_finds_nothing_wrong_with_a_whole_chain(
    database: DatabaseSettings,
    folder: Path,
) -> None:
    asyncio.run(append(database, 2500))
    done = ioc("audit", "verify", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["ok"], told["lines"], told["last"], told["faults"]) == (True, 2500, 2500, [])
    assert "nguyên vẹn" in ioc("audit", "verify").stdout


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'person:ai' WHERE seq = 3",
        "UPDATE audit SET at = 'infinity' WHERE seq = 3",
        "UPDATE audit SET at = '4000-01-01 BC' WHERE seq = 3",
        "UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 3",
        "UPDATE audit SET seq = -3 WHERE seq = 3",
        "UPDATE audit SET seq = 3 + (1::bigint << 62) WHERE seq = 3",
        "UPDATE audit SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 4",
    ],
)
def test_the_command_tells_what_the_owner_of_the_database_did(
    database: DatabaseSettings,
    folder: Path,
    statement: str,
) -> None:
    asyncio.run(append(database))
    as_owner(database, statement)
    done = ioc("audit", "verify", "--json")
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["faults"]
    shown = ioc("audit", "verify")
    assert shown.exit_code == 1
    assert shown.stdout.startswith("line")


def test_a_reader_may_verify(database: DatabaseSettings, folder: Path) -> None:
    asyncio.run(append(database))
    with psycopg.connect(database.url, autocommit=True) as connection:
        for statement in (
            "DO $$ BEGIN CREATE ROLE looker LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
            "GRANT SELECT ON audit, audit_head, audit_root TO looker",
            "DO $$ BEGIN CREATE ROLE blind LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        ):
            connection.execute(statement.encode())
    told = {}
    for role in ("looker", "blind"):
        load_settings.cache_clear()
        url = f"{database.url}{'&' if '?' in database.url else '?'}options=-crole%3D{role}"
        told[role] = CliRunner(env={"IOC_DATABASE__URL": url}).invoke(app, ["audit", "verify"])
    assert told["looker"].exit_code == 0, told["looker"].output
    assert "permission denied" in str(told["blind"].exception)


@pytest.fixture
def signed(database: DatabaseSettings, folder: Path) -> Iterator[Path]:
    """A chain of five lines of the day before yesterday, signed by the command."""
    asyncio.run(append(database))
    date_lines(database, 2)
    done = ioc("audit", "root", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {one["root"]["seq"] for one in told["signed"]} == {5}
    yield folder


def test_roots_are_signed_once_and_lie_in_three_places(
    database: DatabaseSettings,
    signed: Path,
) -> None:
    again = json.loads(ioc("audit", "root", "--json").stdout)
    assert (again["signed"], again["written"]) == ([], [])
    copies = sorted((signed / "work/roots").glob("*.json"))
    assert len(copies) == again["roots"] > 0
    for one in copies:
        assert (signed / "originals/audit" / one.name).read_bytes() == one.read_bytes()
    done = ioc("audit", "verify")
    assert done.exit_code == 0, done.output
    assert f"{len(copies)} roots to line 5" in done.stdout


def test_a_forged_chain_is_found_by_its_roots_alone(
    database: DatabaseSettings,
    signed: Path,
    tmp_path: Path,
) -> None:
    pem = tmp_path / "console.pub.pem"
    pem.write_text(ioc("audit", "key").stdout)
    copy = next((signed / "work/roots").glob("*.json"))
    kept = tmp_path / "kept.json"
    kept.write_bytes(copy.read_bytes())
    # All that lies on this machine is forged too.
    as_owner(database, "DELETE FROM audit WHERE seq >= 5")
    as_owner(
        database, "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE seq = 4)"
    )
    found = ioc("audit", "verify")
    assert found.exit_code == 1
    assert "line 5 was there, and is gone" in found.stdout
    as_owner(database, "DELETE FROM audit_root")
    for one in (signed / "work/roots").glob("*.json"):
        one.unlink()
    (signed / "keys/console.pem").unlink()
    assert ioc("audit", "verify").exit_code == 0  # nothing is left that could tell
    found = ioc("audit", "verify", "--root", str(kept), "--key", str(pem))
    assert found.exit_code == 1
    assert "line 5 was there, and is gone" in found.stdout
    assert isinstance(ioc("audit", "verify", "--root", str(kept)).exception, Exception)


def test_a_forged_root_is_found(database: DatabaseSettings, signed: Path) -> None:
    as_owner(database, "UPDATE audit_root SET seq = 4")
    found = ioc("audit", "verify")
    assert found.exit_code == 1
    assert "the signature does not fit" in found.stdout
    as_owner(database, "DELETE FROM audit_root WHERE day = (SELECT max(day) FROM audit_root)")
    assert "missing in the database" in ioc("audit", "verify").stdout


def test_a_damaged_file_of_a_root_is_told(database: DatabaseSettings, signed: Path) -> None:
    one = next((signed / "work/roots").glob("*.json"))
    one.write_bytes(one.read_bytes().replace(b'"seq":5', b'"seq":4'))
    found = ioc("audit", "verify")
    assert found.exit_code == 1
    assert one.read_bytes() and "the signature does not fit" in found.stdout
    one.write_text("{}")
    assert str(one) in ioc("audit", "verify").stdout


def test_wrong_use_is_told(folder: Path) -> None:
    for words in (["--root", "no-such-file"], ["--key", "no-such-file"]):
        done = ioc("audit", "verify", *words)
        assert "no such file" in str(done.exception)
    assert "has no key yet" in str(ioc("audit", "key").exception)


async def test_the_background_check_goes_on_where_it_was(
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    async with running(database, tmp_path) as console:
        first = await audit_check.work(console.context)
        assert (first.many, first.faults) == (0, ())
        await append(database, 3)
        console.clock.now += timedelta(minutes=5)
        second = await audit_check.work(console.context)
        assert (second.seq, second.many, second.full) == (first.seq + 3, 0, first.full)
        # What was followed already is followed again only once a day.
        as_owner(database, "UPDATE audit SET actor = 'x' WHERE seq = 1")
        console.clock.now += timedelta(minutes=5)
        assert (await audit_check.work(console.context)).many == 0
        console.clock.now += timedelta(days=1)
        third = await audit_check.work(console.context)
        assert third.many == 1
        assert "actor is 'x'" in third.faults[0]
        # It stays told until all was followed again.
        console.clock.now += timedelta(minutes=5)
        assert (await audit_check.work(console.context)).many == 1
        as_owner(database, "DELETE FROM audit WHERE seq >= 3")
        as_owner(
            database,
            "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE seq = 2)",
        )
        console.clock.now += timedelta(minutes=5)
        fourth = await audit_check.work(console.context)
        assert fourth.many == 2
        assert "gone since the last check" in fourth.faults[1]
        (tmp_path / "work" / audit_check.FILE).write_text("{")
        assert (await audit_check.work(console.context)).many == 1


async def test_the_background_work_signs_each_day(
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    async with running(database, tmp_path) as console:
        await append(database)
        date_lines(database, 3)
        console.clock.now = datetime.now(UTC) + roots.SETTLE
        await audit_roots.work(console.context)
        await audit_roots.work(console.context)
        async with console.context.pool.connection() as connection:
            known = await roots.roots(connection)
        assert {root.seq for root in known} == {5}
        assert known[-1].day - known[0].day == timedelta(days=len(known) - 1)
        assert len(await console.audited("audit.signed")) == 1
        assert (await audit_check.work(console.context)).roots == len(known) >= 3
        assert {path.name for path in (tmp_path / "work/roots").iterdir()} == {
            f"{root.day}.json" for root in known
        }


async def test_a_cut_chain_is_not_signed(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        await append(database)
        date_lines(database, 3)
        await audit_roots.work(console.context)
        async with console.context.pool.connection() as connection:
            before = await roots.roots(connection)
        as_owner(database, "DELETE FROM audit WHERE seq = 5")
        console.clock.now += timedelta(days=1)
        with pytest.raises(roots.RootError, match="is gone"):
            await audit_roots.work(console.context)
        async with console.context.pool.connection() as connection:
            assert await roots.roots(connection) == before


async def test_two_consoles_sign_a_day_once(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        await append(database)
        date_lines(database, 2)
        async with console.context.pool.connection() as connection:
            many = len(await roots.days_due(connection, console.clock()))
        key = console.context.vault.signing

        async def one() -> int:
            async with console.context.pool.connection() as connection:
                return len(await audit_roots.sign_due(connection, key, console.clock()))

        assert sorted(await asyncio.gather(one(), one(), one())) == [0, 0, many]

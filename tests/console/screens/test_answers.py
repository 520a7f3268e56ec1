"""Questions to the database: as the wall's role, once for all viewers, bounded, and kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, errors
from psycopg_pool import PoolTimeout

from console import screen_answers as answers
from console.screen_answers import Answers, Kept, Key, Selection
from console.screens.answer import MOST_ROWS, Answer
from dashboards import query
from dashboards.query import QueryError
from ioc.settings import DatabaseSettings
from ioc.site import load_sites, sites_folder
from store.writers import upsert_sites
from tests.console.custody import Console, running
from tests.console.walls import PLATE, Rows

ALL = Selection(("ngabay", "vithanh"), ("hung-vuong", "tran-hung-dao"))
AGES = Key("age-flow", 24, ALL)


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(database, tmp_path) as one:
        yield one


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as opened:
        yield opened


def of(console: Console) -> Answers:
    found = console.app.state.screens.answers
    assert isinstance(found, Answers)
    return found


def asks(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """Let every question be this one."""
    monkeypatch.setattr(query, "render", lambda name, chosen: statement)


async def test_rows_come_as_the_query_gives_them(
    console: Console, connection: AsyncConnection[Any]
) -> None:
    sites = load_sites(sites_folder())
    await upsert_sites(connection, sites)
    rows, heard = Rows(), console.clock.now - timedelta(seconds=8)
    for site in sites:
        rows.flow(site.path("cam-1"), heard, site.cameras[0].lanes[0].id, 30.0, car=2)
    await rows.store(connection, sites)
    kept = await of(console).get(AGES)
    assert kept.fault is None and kept.answer is not None
    assert [row["site"] for row in kept.answer.records] == ["hung-vuong", "tran-hung-dao"]
    assert {row["as_of"] for row in kept.answer.records} == {heard}
    one = await of(console).get(Key("age-flow", 24, Selection(("ngabay",), ("hung-vuong",))))
    assert one.answer is not None and len(one.answer.rows) == 1
    none = await of(console).get(Key("age-flow", 24, Selection((), ())))
    assert none.answer is not None and none.answer.rows == () and none.fault is None


@pytest.mark.parametrize(
    ("statement", "key"),
    [
        ("SELECT plate_text FROM violation", "screens_fault_privilege"),
        ("SELECT * FROM person", "screens_fault_privilege"),
        ("INSERT INTO site SELECT * FROM site", "screens_fault_sql"),
        ("SELECT pg_sleep(5)", "screens_fault_slow"),
        ("SELECT * FROM no_such_table", "screens_fault_schema"),
        ("SELECT 1/0", "screens_fault_sql"),
        ("SELEKT", "screens_fault_sql"),
    ],
)
async def test_what_the_wall_may_not_do_is_refused_by_the_database(
    console: Console, monkeypatch: pytest.MonkeyPatch, statement: str, key: str
) -> None:
    quick = answers._SETUP.replace("'5s'", "'200ms'")
    assert quick != answers._SETUP
    monkeypatch.setattr(answers, "_SETUP", quick)
    asks(monkeypatch, statement)
    kept = await of(console).get(AGES)
    assert kept.answer is None and kept.fault is not None and kept.fault.key == key
    async with console.context.pool.connection() as connection:
        # What was set for the question ends with it.
        cursor = await connection.execute(
            "SELECT current_user, current_setting('statement_timeout') = '200ms', "
            "current_setting('transaction_read_only')"
        )
        assert await cursor.fetchone() == ("ioc_console", False, "off")


async def test_nothing_can_be_written(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    role = answers._SETUP.replace("SET LOCAL ROLE ioc_wall; ", "")
    assert role != answers._SETUP
    monkeypatch.setattr(answers, "_SETUP", role)  # even as who may
    asks(monkeypatch, "UPDATE person SET failures = 9 RETURNING 1")
    kept = await of(console).get(AGES)
    assert kept.fault is not None and kept.fault.key == "screens_fault_sql"


async def test_an_endless_answer_is_cut_and_the_connection_goes_on(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(monkeypatch, "SELECT n FROM generate_series(1, 3000000) AS n")
    async with asyncio.timeout(5):
        kept = await of(console).get(AGES)
    assert kept.fault is None and kept.answer is not None
    assert kept.answer.cut and len(kept.answer.rows) == MOST_ROWS
    assert kept.answer.rows[:2] == ((1,), (2,)) and kept.answer.columns == ("n",)
    asks(monkeypatch, f"SELECT n FROM generate_series(1, {MOST_ROWS}) AS n")
    exact = await of(console).get(Key("traffic-week", 24, ALL))
    assert exact.answer is not None and len(exact.answer.rows) == MOST_ROWS
    assert not exact.answer.cut
    async with console.context.pool.connection() as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


class Counted:
    """Counts questions, and how many are asked at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.05) -> None:
        self.asked, self.now, self.most = 0, 0, 0
        self.fault: Exception | None = None
        rows_of = answers.rows_of

        async def counting(connection: AsyncConnection[Any], statement: str) -> Answer:
            self.asked, self.now = self.asked + 1, self.now + 1
            self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(seconds)
                if self.fault is not None:
                    raise self.fault
                return await rows_of(connection, statement)
            finally:
                self.now -= 1

        monkeypatch.setattr(answers, "rows_of", counting)


async def test_thirty_viewers_cost_what_one_does(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    console.clock.now = console.clock.now.replace(second=1)
    kept = await asyncio.gather(*(of(console).get(AGES) for _ in range(30)))
    assert counted.asked == 1 and len({one.number for one in kept}) == 1
    await of(console).get(AGES)
    assert counted.asked == 1
    await of(console).get(Key("age-flow", 24, Selection(("ngabay",), ("hung-vuong",))))
    assert counted.asked == 2


async def test_the_next_bucket_is_asked_for_anew(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, seconds=0)
    monkeypatch.setattr(answers, "BUCKET_S", 0.3)
    monkeypatch.setattr(answers, "LOAD_SHARE", 1)
    first = await of(console).get(AGES)
    await asyncio.sleep(0.4)
    second = await of(console).get(AGES)
    assert counted.asked == 2 and second.number > first.number
    assert answers.BUCKET_S == 0.3


async def test_a_slow_question_is_asked_less_often(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, seconds=0.2)
    monkeypatch.setattr(answers, "BUCKET_S", 0.1)
    began = time.monotonic()
    await of(console).get(AGES)
    took = time.monotonic() - began
    await asyncio.sleep(0.2)
    await of(console).get(AGES)
    assert counted.asked == 1  # 0.2 s of work at least: 0.8 s of rest
    await asyncio.sleep(4 * took)
    await of(console).get(AGES)
    assert counted.asked == 2


async def test_no_more_than_four_connections(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    keys = [Key("age-flow", hours, ALL) for hours in range(1, 21)]
    kept = await asyncio.gather(*map(of(console).get, keys))
    assert counted.asked == 20 and counted.most == answers.CONNECTIONS == 4
    assert all(one.fault is None for one in kept)


async def test_who_leaves_takes_the_answer_from_nobody(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, seconds=0.2)
    leaving = asyncio.create_task(of(console).get(AGES))
    await asyncio.sleep(0.05)
    staying = asyncio.create_task(of(console).get(AGES))
    await asyncio.sleep(0.05)
    leaving.cancel()
    kept = await staying
    assert kept.fault is None and counted.asked == 1


async def test_a_queue_that_is_too_long_is_told(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    Counted(monkeypatch, seconds=0.4)
    monkeypatch.setattr(answers, "WAIT_S", 0.1)
    kept = await asyncio.gather(*(of(console).get(Key("age-flow", n, ALL)) for n in range(1, 9)))
    faults = [one.fault.key for one in kept if one.fault]
    assert faults == ["screens_fault_busy"] * 4


async def test_the_last_good_answer_stays_while_questions_fail(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, seconds=0)
    monkeypatch.setattr(answers, "BUCKET_S", 0.1)
    monkeypatch.setattr(answers, "LOAD_SHARE", 1)
    monkeypatch.setattr(answers, "REST_S", 0.3)
    good = await of(console).get(AGES)
    counted.fault = psycopg.OperationalError("gone")
    await asyncio.sleep(0.2)
    bad = await of(console).get(AGES)
    assert bad.fault is not None and bad.answer is good.answer is not None
    again = await of(console).get(AGES)
    assert counted.asked == 2 and again is bad  # at rest
    counted.fault = None
    await asyncio.sleep(0.4)
    back = await of(console).get(AGES)
    assert back.fault is None and counted.asked == 3


async def test_what_is_kept_is_bounded(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_KEPT", 5)
    for hours in range(1, 12):
        await of(console).get(Key("age-flow", hours, ALL))
    assert len(of(console)._kept) == 5 and of(console)._rows == 0
    monkeypatch.setattr(answers, "MOST_KEPT_ROWS", 250)
    asks(monkeypatch, "SELECT n FROM generate_series(1, 100) AS n")
    for hours in range(20, 26):
        await of(console).get(Key("age-flow", hours, ALL))
    assert len(of(console)._kept) == 2 and of(console)._rows == 200


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (PoolTimeout("x"), "screens_fault_database"),
        (psycopg.OperationalError("x"), "screens_fault_database"),
        (errors.AdminShutdown("x"), "screens_fault_database"),
        (psycopg.InterfaceError("x"), "screens_fault_database"),
        (TimeoutError(), "screens_fault_busy"),
        (QueryError("x"), "screens_fault_query"),
        (errors.InvalidParameterValue('role "ioc_wall" does not exist'), "screens_fault_schema"),
        (errors.InvalidParameterValue("bad"), "screens_fault_sql"),
        (ValueError("x"), "screens_fault_sql"),
    ],
)
def test_every_fault_has_words(error: Exception, key: str) -> None:
    from tests.console.screens.tiles import EN, VI

    fault = answers.fault_of(error, "age-flow")
    assert fault.key == key
    for look in (VI, EN):
        assert "{" not in fault.told(look)


async def test_a_missing_query_is_told(console: Console) -> None:
    kept = await of(console).get(Key("no-such-query", 24, ALL))
    assert kept.fault is not None and kept.fault.key == "screens_fault_query"


async def test_no_question_of_the_screens_can_return_a_plate(
    console: Console, connection: AsyncConnection[Any]
) -> None:
    rows = Rows()
    (site, *_) = load_sites(sites_folder())
    rows.violation(site.path("cam-1"), console.clock.now, "red_light")
    await rows.store(connection)
    for screen in console.app.state.screens.screens:
        for tile in screen.tiles:
            kept: Kept = await of(console).get(Key(tile.query, screen.span_h, ALL))
            assert kept.answer is not None, (tile.query, kept.fault)
            assert PLATE not in str(kept.answer), tile.query

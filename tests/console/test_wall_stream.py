"""The wall's stream over a real server: what viewers get, when, and when they get no more."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from console import wall
from console.auth.guard import token_of
from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from ioc.topics import DevicePath
from store import wall as figures_of
from tests.console.walls import (
    PLATE,
    Rows,
    Served,
    add_case,
    log_in,
    raise_alert,
    serve,
    settings_of,
)

Connection = AsyncConnection[Any]
CAMERA = DevicePath("vithanh", "tran-hung-dao", "cam-1")


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as opened:
        yield opened


@pytest.fixture
async def served(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(settings_of(database, tmp_path)) as running:
        yield running


class Stream:
    """An open stream, read line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.raw = b""
        self._chunks = response.aiter_raw()

    async def next(self, within_s: float = 5) -> dict[str, Any]:
        """The next event: its name, id and data; or the retry that comes first."""
        async with asyncio.timeout(within_s):
            while b"\n\n" not in self.raw[self._at :]:
                self.raw += await anext(self._chunks)
        end = self.raw.index(b"\n\n", self._at)
        lines = self.raw[self._at : end].decode().split("\n")
        self._at = end + 2
        event = dict(line.split(": ", 1) for line in lines)
        if "data" in event:
            event["data"] = json.loads(event["data"])
        return event

    _at = 0

    async def until(
        self, wanted: Callable[[dict[str, Any]], Any], within_s: float = 5
    ) -> dict[str, Any]:
        """The first event that is wanted."""
        async with asyncio.timeout(within_s):
            while True:
                event = await self.next(within_s)
                if "data" in event and wanted(event):
                    return event


@asynccontextmanager
async def opened(served: Served, cookie: str) -> AsyncIterator[Stream]:
    headers = {"cookie": f"ioc={cookie}"}
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30) as client,
        client.stream("GET", "/wall/stream") as response,
    ):
        yield Stream(response)


async def _get(served: Served, cookie: str, path: str = "/wall/data") -> httpx.Response:
    headers = {"cookie": f"ioc={cookie}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30) as client:
        return await client.get(path)


async def _soon(what: Callable[[], bool], within_s: float = 3) -> None:
    async with asyncio.timeout(within_s):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_everything_first_then_what_changes_within_two_seconds(
    served: Served, connection: Connection
) -> None:
    cookie = await log_in(connection)
    async with opened(served, cookie) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        assert await stream.next() == {"retry": "3000"}
        whole = await stream.next()
        assert whole["event"] == "wall"
        names = {"flow", "violations", "alerts", "devices", "values", "review"}
        assert whole["data"]["tiles"].keys() == names
        assert whole["data"]["tiles"]["flow"]["as_of"] is None

        rows = Rows()
        now = utc_now()
        for step in range(1, 13):
            rows.flow(CAMERA, now - timedelta(seconds=10 * step), "s-in-1", 21.0, car=5)
        await rows.store(connection)
        began = time.monotonic()
        event = await stream.until(lambda e: "flow" in e["data"].get("tiles", {}))
        assert time.monotonic() - began < 2
        assert event["event"] == "tiles"
        # Only what changed is sent: nothing was said about alerts or cases.
        assert event["data"]["tiles"].keys() == {"flow", "devices"}
        [site] = event["data"]["tiles"]["flow"]["data"]["sites"]
        assert (site["vehicles"], site["speed_kmh"]) == (30, 21)
        run, version = whole["id"].split("-")
        assert event["id"].split("-")[0] == run and int(event["id"].split("-")[1]) > int(version)

        case = await add_case(connection, now + timedelta(hours=1))
        event = await stream.until(lambda e: "review" in e["data"].get("tiles", {}), 2)
        assert event["data"]["tiles"]["review"]["data"]["first"] == 1
        assert str(case) not in stream.raw.decode()


async def test_what_grows_younger_is_told_without_the_tile(
    served: Served, connection: Connection
) -> None:
    rows = Rows()
    rows.health(CAMERA, utc_now())
    await rows.store(connection)
    async with opened(served, await log_in(connection)) as stream:
        await stream.next()
        first = await stream.next()
        rows.health(CAMERA, utc_now())
        await rows.store(connection)
        event = await stream.until(lambda e: "devices" in e["data"].get("ages", {}))
        before = first["data"]["tiles"]["devices"]["as_of"]
        assert event["data"]["ages"]["devices"] > before
        assert "devices" not in event["data"]["tiles"]


async def test_data_that_stops_keeps_its_age(served: Served, connection: Connection) -> None:
    now = utc_now()
    rows = Rows()
    rows.flow(CAMERA, now - timedelta(minutes=7), "s-in-1", 21.0, car=5)
    await rows.store(connection)
    async with opened(served, await log_in(connection)) as stream:
        whole = await stream.until(lambda e: e["event"] == "wall")
        flow = whole["data"]["tiles"]["flow"]
        age = datetime.fromisoformat(whole["data"]["now"]) - datetime.fromisoformat(flow["as_of"])
        assert age.total_seconds() > flow["stale_after"] and abs(age.total_seconds() - 420) < 5
        # Nothing comes, and nothing pretends that something came.
        for _ in range(2):
            event = await stream.next()
            assert "flow" not in event["data"]["tiles"] and "flow" not in event["data"]["ages"]


async def test_no_plate_in_stream_data_or_page(served: Served, connection: Connection) -> None:
    now = utc_now()
    rows = Rows()
    rows.violation(CAMERA, now, "red_light")
    rows.flow(CAMERA, now, "s-in-1", 21.0, car=5)
    await rows.store(connection)
    await add_case(connection, now - timedelta(hours=1), plate_fixed="65A-123.45")
    await raise_alert(connection, "violation_surge", ("vithanh", "tran-hung-dao", None))
    cookie = await log_in(connection)
    async with opened(served, cookie) as stream:
        whole = await stream.until(lambda e: e["event"] == "wall")
        assert whole["data"]["tiles"]["violations"]["data"]["kinds"]["red_light"]["today"] == 1
        rows.violation(CAMERA, utc_now(), "red_light", plate="95-B1 111.11")
        await rows.store(connection)
        await stream.until(lambda e: "violations" in e["data"].get("tiles", {}))
        seen = stream.raw
    seen += (await _get(served, cookie)).content + (await _get(served, cookie, "/wall")).content
    for plate in (PLATE, "65A-123.45", "95-B1 111.11"):
        for form in (plate, plate.replace("-", "").replace(" ", "").replace(".", "")):
            assert form.encode() not in seen
    assert b"plate" not in seen


async def test_scripts_get_the_same_as_json(served: Served, connection: Connection) -> None:
    cookie = await log_in(connection, "auditor")
    await raise_alert(connection, "flood", ("ngabay", "hung-vuong", "water-1"))
    response = await _get(served, cookie)
    assert response.headers["content-type"] == "application/json"
    told = response.json()
    assert told["tiles"]["alerts"]["data"]["alerts"][0]["kind"] == "flood"
    assert told["database"] is True
    async with httpx.AsyncClient(base_url=served.url) as client:
        for path in ("/wall", "/wall/data", "/wall/stream"):
            assert (await client.get(path)).status_code == 401


async def test_one_reading_a_second_however_many_look_and_none_when_nobody_does(
    served: Served, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    figures = figures_of.figures

    async def counted(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        return await figures(*args)

    monkeypatch.setattr(figures_of, "figures", counted)
    cookies = [await log_in(connection) for _ in range(3)]
    shown = served.app.state.wall
    async with (
        opened(served, cookies[0]) as one,
        opened(served, cookies[1]) as two,
        opened(served, cookies[2]) as three,
    ):
        for stream in (one, two, three):
            await stream.until(lambda e: e["event"] == "wall")
        assert shown.viewers == 3 and shown.reads
        reads, began = 0, time.monotonic()
        while time.monotonic() - began < 2.5:
            assert (await _get(served, cookies[0])).status_code == 200
            await asyncio.sleep(0.05)
        assert 1 <= reads <= 3
    await _soon(lambda: shown.viewers == 0 and not shown.reads)
    reads = 0
    await asyncio.sleep(1.5)
    assert reads == 0
    async with opened(served, cookies[0]) as again:
        await again.until(lambda e: e["event"] == "wall")
        assert shown.reads


async def test_so_many_may_look_on_and_no_more(
    served: Served, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "MOST_OF_ONE", 2)
    monkeypatch.setattr(wall, "MOST_VIEWERS", 3)
    mine, other = await log_in(connection), await log_in(connection)
    async with opened(served, mine), opened(served, mine):
        async with opened(served, mine) as refused:
            assert refused.response.status_code == 503
            assert refused.response.headers["retry-after"] == "30"
            told = json.loads(await refused.response.aread())
            assert told["error"] == "wall_full_person" and "2 màn hình" in told["message"]
        async with opened(served, other), opened(served, other) as refused:
            assert refused.response.status_code == 503
            assert json.loads(await refused.response.aread())["error"] == "wall_full"
    await _soon(lambda: served.app.state.wall.viewers == 0)
    async with opened(served, mine) as stream:
        assert (await stream.next())["retry"]


@pytest.mark.parametrize("how", ["logged out", "disabled", "idle"])
async def test_who_may_no_more_gets_no_more(
    served: Served, connection: Connection, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    assert wall.CHECK_S + wall.SLOWEST_S < 60
    monkeypatch.setattr(wall, "CHECK_S", 0.5)
    cookie = await log_in(connection, "reviewer", "an")
    stays = await log_in(connection, "reviewer", "binh")
    async with opened(served, cookie) as stream, opened(served, stays) as kept:
        await stream.until(lambda e: e["event"] == "wall")
        if how == "logged out":
            await connection.execute("DELETE FROM session WHERE token = %s", (token_of(cookie),))
        elif how == "disabled":
            await connection.execute("UPDATE person SET disabled = true WHERE login = 'an'")
        else:
            await connection.execute(
                "UPDATE session SET last_seen = now() - interval '31 minutes' WHERE token = %s",
                (token_of(cookie),),
            )
        end = await stream.until(lambda e: e["event"] == "end")
        assert end["data"]["over"] == "session"
        with pytest.raises(StopAsyncIteration):
            await stream.next()
        await kept.until(lambda e: e["event"] == "tiles")
    assert (await _get(served, cookie)).status_code == 401


@pytest.mark.parametrize(("role", "stays"), [("operator", True), ("supervisor", False)])
async def test_looking_on_keeps_an_operator_logged_in_and_nobody_who_may_open_cases(
    served: Served,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    role: Any,
    stays: bool,
) -> None:
    monkeypatch.setattr(wall, "CHECK_S", 0.5)
    cookie = await log_in(connection, role)
    async with opened(served, cookie) as stream:
        await stream.until(lambda e: e["event"] == "wall")
        await connection.execute("UPDATE session SET last_seen = now() - interval '20 minutes'")
        await asyncio.sleep(2.5)
        cursor = await connection.execute(
            "SELECT now() - last_seen < interval '1 minute' FROM session"
        )
        assert await cursor.fetchone() == (stays,)


async def test_the_server_stops_at_once_and_says_so(
    database: DatabaseSettings,
    connection: Connection,
    tmp_path: Path,
) -> None:
    cookie = await log_in(connection)
    async with serve(settings_of(database, tmp_path)) as served, opened(served, cookie) as stream:
        await stream.until(lambda e: e["event"] == "wall")
        began = time.monotonic()
        served.server.should_exit = True
        end = await stream.until(lambda e: e["event"] == "end")
        assert end["data"]["over"] == "shutdown"
        with pytest.raises(StopAsyncIteration):
            await stream.next()
        assert time.monotonic() - began < 2


async def test_without_its_database_the_wall_says_so_and_comes_back(
    served: Served,
    connection: Connection,
    database: DatabaseSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cookie = await log_in(connection)
    name = conninfo_to_dict(database.url)["dbname"]
    async with (
        await AsyncConnection.connect(
            make_conninfo(database.url, dbname="postgres"), autocommit=True
        ) as outside,
        opened(served, cookie) as stream,
    ):
        await stream.until(lambda e: e["event"] == "wall")
        await connection.close()
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        await outside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        told = await stream.until(lambda e: e["data"]["database"] is False, 10)
        assert told["event"] == "beat" and "tiles" not in told["data"]
        assert (await _get(served, cookie)).status_code == 503
        await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        await stream.until(lambda e: e["data"]["database"] is True, 20)


async def test_a_quiet_wall_is_heard(
    served: Served, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "BEAT_S", 0.3)
    monkeypatch.setattr(wall, "EVERY_S", 30)
    async with opened(served, await log_in(connection)) as stream:
        await stream.until(lambda e: e["event"] == "wall")
        first = await stream.until(lambda e: e["event"] == "beat", 2)
        second = await stream.until(lambda e: e["event"] == "beat", 2)
        assert second["data"]["now"] > first["data"]["now"]


@pytest.mark.parametrize("kiosk", [False, True])
async def test_the_page(served: Served, connection: Connection, kiosk: bool) -> None:
    cookie = await log_in(connection, "admin", language="en")
    page = (await _get(served, cookie, "/wall" + ("?kiosk=1" if kiosk else ""))).text
    assert "Traffic at junctions" in page and 'lang="en"' in page
    assert ('<header class="top">' in page) is not kiosk
    assert (
        "style=" not in page
        and "<style" not in page
        and "http://" not in page.replace("http://www.w3.org", "")
    )

"""The watcher on real pages: what is well, what is not, and its settings and commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ioc.commands.watch import app as command
from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings, load_settings
from ioc.watch_settings import WatchSettings, host_name
from measure import services
from streams.watch import Looker, Watch, WatchCounters
from streams.watch_sources import Source
from streams.watched import DOWN, UP, Value
from tests.streams.watching import AWAY, Pages, rows, running, settings_of, until


def test_a_part_is_seen_with_its_rates(database: DatabaseSettings, pages: Pages) -> None:
    pages.bridge.counters.connected = True
    with running(settings_of(database, parts={"bridge-1": f"{pages.url}/metrics"})) as watch:
        until(lambda: watch.counters.looks >= 1)
        pages.bridge.handle(50)
        pages.bridge.counters.set_aside["identity"] += 3
        until(lambda: watch.counters.looks >= 4)
    found = rows(database)
    assert set(found["bridge-1", "up", ""]) == {1}
    assert found["bridge-1", "connected", ""][-1] == 1
    assert max(found["bridge-1", "received_per_s", ""]) > 10
    assert sum(found["bridge-1", "set_aside", "identity"]) == 3
    assert sum(found["bridge-1", "set_aside", ""]) == 3
    assert set(found["host:core-1", "up", ""]) == {1}
    assert set(found["host:core-1", "dropped", ""]) == {0}
    assert 0 < found["host:core-1", "memory_used_share", ""][-1] < 1
    assert set(found["database", "up", ""]) == {1}
    assert found["database", "database_bytes", ""][-1] > 1_000_000
    assert 0 < found["database", "connections_share", ""][-1] <= 1
    assert ("database", "job_failures", "") not in found  # that is TimescaleDB's


def test_what_is_slow_large_garbled_ill_or_gone_is_down_and_holds_up_nothing(
    database: DatabaseSettings, pages: Pages
) -> None:
    bad = {name: f"{pages.url}/{name}/metrics" for name in ("slow", "large", "garbage", "moved")}
    bad |= {"gone": AWAY, "ill": f"{pages.url}/ill/health"}
    good = {"well": f"{pages.url}/well/health", "bridge-1": f"{pages.url}/metrics"}
    watching = settings_of(database, parts={**bad, **good}, interval_s=3, timeout_s=3)
    with running(watching) as watch:
        begun = time.monotonic()
        until(lambda: watch.counters.looks >= 3)
        took = time.monotonic() - begun
    # Three looks, three seconds apart, each of them three seconds long for the slow page's sake.
    assert took < 20
    found = rows(database)
    for name in bad:
        assert set(found[name, "up", ""]) == {0}, name
        assert {figure for part, figure, _ in found if part == name} == {"up"}
    assert set(found["well", "up", ""]) == set(found["bridge-1", "up", ""]) == {1}
    assert watch.counters.failures["part slow"] >= 3


async def test_a_thing_that_never_ends_is_left_behind_and_not_asked_twice() -> None:
    asked = 0
    over = asyncio.Event()

    async def never() -> list[Value]:
        nonlocal asked
        asked += 1
        while not over.is_set():  # as a driver that will not be cancelled
            with suppress(asyncio.CancelledError):
                await over.wait()
        return []

    async def fine() -> list[Value]:
        return [UP]

    async def broken() -> list[Value]:
        raise ZeroDivisionError("a fault of our own")

    sources = [
        Source("never", "a", never, (DOWN,)),
        Source("fine", "b", fine, (DOWN,)),
        Source("broken", "c", broken, (DOWN,)),
    ]
    looker = Looker(sources, 0.1, 1, WatchCounters())
    begun = time.monotonic()
    try:
        for _ in range(2):
            figures = await looker.look(datetime.now(UTC))
            assert {(one.part, one.value) for one in figures} == {("a", 0), ("b", 1), ("c", 0)}
        assert time.monotonic() - begun < 20
        assert asked == 1
        assert looker.faults == {
            "never": "the look before has not ended",
            "broken": "a fault of our own",
        }
    finally:
        over.set()


async def test_a_thing_that_is_slow_is_given_up_in_time_and_asked_again() -> None:
    asked = 0

    async def slow() -> list[Value]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(60)
        return [UP]

    looker = Looker([Source("slow", "a", slow, (DOWN,))], 0.1, 1, WatchCounters())
    for _ in range(2):
        (figure,) = await looker.look(datetime.now(UTC))
        assert (figure.part, figure.value) == ("a", 0)
    assert asked == 2
    assert looker.faults == {"slow": "no answer in 0.1 s"}


async def test_what_changes_slowly_is_looked_at_once_a_minute() -> None:
    asked = {"slow": 0, "quick": 0}

    def counting(name: str) -> Callable[[], Any]:
        async def look() -> list[Value]:
            asked[name] += 1
            return []

        return look

    sources = [
        Source("slow", "a", counting("slow"), (), 60),
        Source("quick", "a", counting("quick")),
    ]
    looker = Looker(sources, 1, 15, WatchCounters())
    for _ in range(3):
        await looker.look(datetime.now(UTC))
    assert asked == {"slow": 1, "quick": 3}


# --- the program --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_service_tells_of_a_part_that_is_not_there_and_ends_cleanly(
    database: DatabaseSettings, server_folder: Path
) -> None:
    env = {"IOC_DATABASE__URL": database.url, "IOC_KAFKA__BOOTSTRAP": "127.0.0.1:1"}
    part = services.bridge(server_folder, env)  # never started
    service = services.watcher(server_folder, env, [part])
    service.start()
    try:
        until(lambda: ("kafka", "up", "") in rows(database))
    finally:
        service.stop()
    assert service._process is not None and service._process.returncode == 0
    assert "stopped" in service.log_tail()[-1]
    found = rows(database)
    assert set(found["bridge-0", "up", ""]) == set(found["kafka", "up", ""]) == {0}
    assert ("host:" + host_name(), "disk_used_share", "data") in found


def test_a_look_prints_what_is_and_fails_where_something_is_down(
    database: DatabaseSettings, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    monkeypatch.setenv("IOC_WATCH__KAFKA", "false")
    monkeypatch.setenv("IOC_WATCH__PARTS__BRIDGE", f"{pages.url}/metrics")
    load_settings.cache_clear()
    fine = CliRunner().invoke(command, ["look"])
    assert fine.exit_code == 0, fine.output
    assert "bridge in_flight" in fine.stdout and "0 count" in fine.stdout
    monkeypatch.setenv("IOC_WATCH__PARTS__OTHER", AWAY)
    load_settings.cache_clear()
    poor = CliRunner().invoke(command, ["look"])
    assert poor.exit_code == 1
    assert "ioc: part other: " in poor.stderr
    assert rows(database) == {}


@pytest.mark.parametrize(
    ("watch", "mend"),
    [
        ({"parts": {"Bridge": AWAY}}, "parts.Bridge"),
        ({"parts": {"bridge": "127.0.0.1:9101"}}, "parts.bridge"),
        ({"parts": {"kafka": AWAY}}, "give the part another name"),
        ({"certificates": {"web": "host:99999"}}, "is no host:port and no file"),
        ({"certificates": {"web": " "}}, "give a PEM file or host:port"),
        ({"interval_s": 2}, "lower timeout_s"),
        ({"folders": {f"f{n}": "/" for n in range(51)}}, "at most 50"),
    ],
)
def test_settings_that_make_no_sense_are_refused(watch: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        WatchSettings.model_validate(watch)


def test_a_ca_certificate_that_is_none_is_told_at_the_start(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"watch\.ca_file .*missing\.pem: No such file"):
        Watch(settings_of(database, ca_file=tmp_path / "missing.pem"))

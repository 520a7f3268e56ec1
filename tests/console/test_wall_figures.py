"""The wall's figures: what SQL says of loaded rows is what Python says of the same events."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from psycopg import AsyncConnection

from console.board import MOST_ROWS, Board, tiles
from ioc import events as e
from ioc.clock import VIETNAM, utc_now
from ioc.settings import DatabaseSettings
from ioc.site import load_sites, sites_folder
from ioc.topics import DevicePath
from store import wall
from store.wall_rows import Figures, SiteFlow, SiteName, Waiting
from store.writers import upsert_sites
from streams.alerting import LOCK_KEY
from streams.windows import congestion, grouped, lanes_of, staged
from tests.console.walls import Rows, add_case, raise_alert, set_state

Connection = AsyncConnection[Any]

CAMERAS = [
    DevicePath("vithanh", "tran-hung-dao", "cam-1"),
    DevicePath("vithanh", "tran-hung-dao", "cam-2"),
    DevicePath("ngabay", "hung-vuong", "cam-1"),
    DevicePath("ngabay", "cho-noi", "cam-1"),
]
SENSOR = DevicePath("vithanh", "tran-hung-dao", "water-1")


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as opened:
        yield opened


async def test_an_empty_database_gives_empty_tiles(connection: Connection) -> None:
    now = utc_now()
    shown = tiles(await wall.figures(connection, now))
    assert {name: as_of for name, (as_of, _) in shown.items() if as_of} == {"review": now}
    assert shown["flow"][1]["sites"] == [] and shown["values"][1]["values"] == []
    assert shown["alerts"][1] == {"judged": False, "total": 0, "alerts": []}
    assert shown["violations"][1]["today"] == 0
    assert shown["violations"][1]["kinds"].keys() == set(get_args(e.Rule))


@pytest.mark.parametrize("seed", range(4))
async def test_traffic_is_that_of_the_last_full_minute(connection: Connection, seed: int) -> None:
    dice = random.Random(seed)
    now = utc_now()
    sites = load_sites(sites_folder())
    rows = Rows()
    for path in CAMERAS:
        # Some cameras are minutes behind: each site has a last full minute of its own.
        last = now - timedelta(seconds=dice.choice([0.5, 3, 8, 200, 4000]))
        for step in range(20):
            for lane in ("s-in-1", "in-1", "eb-1"):
                if dice.random() < 0.9:
                    counts = {
                        kind: dice.randrange(9)
                        for kind in ("motorcycle", "car", "truck", "pedestrian")
                    }
                    speed = dice.uniform(2, 60) if dice.random() < 0.8 else None
                    rows.flow(path, last - timedelta(seconds=10 * step), lane, speed, **counts)
    events = list(rows.events)
    await rows.store(connection, sites)
    found = {(site.city, site.site): site for site in (await wall.figures(connection, now)).flow}

    newest: dict[tuple[str, str], datetime] = {}
    for path, event in events:
        newest[path[:2]] = max(event.time, newest.get(path[:2], event.time))
    assert {key: site.as_of for key, site in found.items()} == newest
    lanes = lanes_of(sites)
    windows = staged(grouped(events), {}, lanes)
    for key, site in found.items():
        end = min(newest[key], now - timedelta(seconds=5)).replace(second=0, microsecond=0)
        assert site.minute == end - timedelta(minutes=1)
        mine = [w for k, w in windows.items() if (k.city, k.site, k.minute) == (*key, site.minute)]
        assert site.lanes == len(mine) > 0
        assert site.vehicles == sum(w.total - w.pedestrian for w in mine)
        levels = [congestion(w, lanes.get(w.key[:4])) for w in mine]  # type: ignore[call-overload]
        known = [level for level in levels if level is not None]
        assert site.level == max(known, default=None)
        assert site.congested == sum(level >= 3 for level in known)
        weight = sum(w.speed_weight for w in mine)
        if weight:
            assert site.speed_kmh == pytest.approx(sum(w.speed_sum for w in mine) / weight)
        else:
            assert site.speed_kmh is None


@pytest.mark.parametrize(
    ("as_of", "now", "minute"),
    [
        ("10:05:00", "10:05:03", "10:03"),  # others may still be about to tell of 10:04
        ("10:05:00", "10:05:05", "10:04"),
        ("10:05:20", "10:05:21", "10:04"),
        ("10:05:20", "11:00:00", "10:04"),  # the minute in which it stopped was not full
    ],
)
def test_a_minute_is_full_when_everybody_has_told_of_it(as_of: str, now: str, minute: str) -> None:
    first, second, third = (
        datetime.fromisoformat(f"2026-11-20T{at}+00:00") for at in (as_of, now, minute)
    )
    assert wall.full_minute(first, second) == third


async def test_traffic_of_yesterday_is_no_traffic_but_the_site_is_named(
    connection: Connection,
) -> None:
    now = utc_now()
    rows = Rows()
    rows.flow(CAMERAS[2], now - timedelta(hours=25), "eb-1", 30.0, car=3)
    await rows.store(connection)
    await upsert_sites(connection, load_sites(sites_folder()))
    figures = await wall.figures(connection, now)
    assert figures.flow == []
    assert [site.name_vi for site in figures.sites] == [
        "Giao lộ Hùng Vương – Quốc lộ 1",
        "Ngã tư Trần Hưng Đạo – Nguyễn Công Trứ",
    ]
    assert [site["as_of"] for site in tiles(figures)["flow"][1]["sites"]] == [None, None]


async def test_a_clock_ahead_makes_nothing_younger(connection: Connection) -> None:
    rows = Rows()
    rows.flow(CAMERAS[0], utc_now() + timedelta(minutes=4), "s-in-1", 30.0, car=3)
    rows.reading(SENSOR, utc_now() + timedelta(minutes=4), "water_level", 1.0, "m")
    await rows.store(connection)
    figures = await wall.figures(connection, utc_now() + timedelta(seconds=1))
    shown = tiles(figures)
    for name in ("flow", "values", "violations", "devices"):
        as_of = shown[name][0]
        assert as_of is not None and as_of <= figures.now


@pytest.mark.parametrize("hour", [0.3, 9.0, 23.9])
async def test_violations_are_counted_by_the_day_of_vietnam_and_by_the_hour(
    connection: Connection, hour: float
) -> None:
    dice = random.Random(hour)
    midnight = datetime.now(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    now = (midnight - timedelta(days=1) + timedelta(hours=hour)).astimezone(UTC)
    rows = Rows()
    for _ in range(300):
        at = now - timedelta(seconds=dice.uniform(0, 30 * 3600) * dice.random())
        rows.violation(dice.choice(CAMERAS), at, dice.choice(get_args(e.Rule)))
    events = [event for _, event in rows.events]
    await rows.store(connection)
    rules = (await wall.figures(connection, now)).rules

    day = now.astimezone(VIETNAM).date()
    today = Counter(ev.data.rule for ev in events if ev.time.astimezone(VIETNAM).date() == day)
    last = Counter(ev.data.rule for ev in events if ev.time > now - timedelta(hours=1))
    assert {rule.rule: rule.today for rule in rules if rule.today} == dict(today)
    assert {rule.rule: rule.hour for rule in rules if rule.hour} == dict(last)


async def test_violations_are_known_up_to_the_last_word_of_a_camera(
    connection: Connection,
) -> None:
    now = utc_now()
    rows = Rows()
    rows.flow(CAMERAS[0], now - timedelta(seconds=40), "s-in-1", 30.0, car=1)
    rows.violation(CAMERAS[0], now - timedelta(hours=3), "red_light")
    rows.reading(SENSOR, now - timedelta(seconds=2), "water_level", 1.0, "m")
    await rows.store(connection)
    as_of, _ = tiles(await wall.figures(connection, now))["violations"]
    # The sensor's word says nothing about what cameras see.
    assert as_of is not None and abs((now - as_of).total_seconds() - 40) < 0.01


async def test_the_newest_good_value_of_every_sensor(connection: Connection) -> None:
    dice = random.Random(3)
    now = utc_now()
    rows = Rows()
    units = {**e.UNITS, "temperature": "Cel"}
    for number in range(12):
        path = DevicePath("vithanh", "tran-hung-dao", f"s-{number}")
        for _ in range(dice.randrange(1, 30)):
            quantity = dice.choice(list(units)[: 1 + number % 6])
            rows.reading(
                path,
                now - timedelta(seconds=dice.uniform(0, 26 * 3600)),
                quantity,
                round(dice.uniform(0, 9), 3),
                units[quantity],
                quality=dice.choice(["good", "good", "suspect", "bad"]),
            )
    events = list(rows.events)
    await rows.store(connection)
    values = (await wall.figures(connection, now)).values

    wanted: dict[tuple[str, str], Any] = {}
    for path, event in sorted(events, key=lambda pair: pair[1].time):
        if event.data.quality == "good" and event.time > now - timedelta(hours=24):
            wanted[path.device, event.data.quantity] = (event.data.value, event.time)
    assert {(v.device, v.quantity): (v.value, v.time) for v in values} == wanted
    assert len(wanted) > 12


async def test_an_open_alert_marks_the_value_that_raised_it(connection: Connection) -> None:
    now = utc_now()
    rows = Rows()
    canal = DevicePath("vithanh", "tran-hung-dao", "water-2")
    for path in (SENSOR, canal):
        rows.reading(path, now, "water_level", 1.2, "m")
    await rows.store(connection)
    await raise_alert(connection, "flood", canal, threshold=1.1)
    await raise_alert(connection, "device_silent", SENSOR, threshold=60)
    await raise_alert(connection, "flood", SENSOR, threshold=1.0, cleared_at=now)
    shown = tiles(await wall.figures(connection, now))["values"][1]["values"]
    # What is over its limit comes first.
    assert [(v["device"], v["threshold"]) for v in shown] == [("water-2", 1.1), ("water-1", None)]


async def test_silent_devices_are_named(connection: Connection) -> None:
    now = utc_now()
    rows = Rows()
    for path in (*CAMERAS, SENSOR):
        rows.health(path, now)
    await rows.store(connection)
    await set_state(connection, CAMERAS[0], "online", now)
    await set_state(connection, CAMERAS[1], "offline", now)
    await raise_alert(connection, "device_silent", CAMERAS[2])
    # Named in a site file, never heard: there is an alert and no device.
    await raise_alert(connection, "device_silent", ("ngabay", "hung-vuong", "cam-9"))
    await connection.execute(
        "UPDATE device SET last_received = now() - interval '6 minutes' WHERE site = 'cho-noi'"
    )
    figures = await wall.figures(connection, now)
    assert {(s.site, s.device) for s in figures.silent} == {
        ("tran-hung-dao", "cam-2"),
        ("hung-vuong", "cam-1"),
        ("hung-vuong", "cam-9"),
        ("cho-noi", "cam-1"),
    }
    counts = {(s.site): (s.heard, s.total) for s in figures.devices}
    assert counts == {"tran-hung-dao": (2, 3), "hung-vuong": (0, 2), "cho-noi": (0, 1)}
    sites = tiles(figures)["devices"][1]["sites"]
    assert [site["site"] for site in sites] == ["hung-vuong", "cho-noi", "tran-hung-dao"]


async def test_open_alerts_the_dangerous_first(connection: Connection) -> None:
    now = utc_now()
    kinds = ["device_silent", "noise", "flood", "sequence_gap", "later_invented", "flood"]
    for number, kind in enumerate(kinds):
        at = now - timedelta(minutes=number)
        await raise_alert(connection, kind, ("c", "s", f"d-{number}"), raised_at=at)
    await raise_alert(connection, "flood", ("c", "s", "over"), cleared_at=now)
    figures = await wall.figures(connection, now)
    assert [alert.device for alert in figures.alerts] == ["d-2", "d-5", "d-1", "d-4", "d-0", "d-3"]
    assert figures.alerts_total == 6


async def test_without_a_judge_no_alert_is_no_good_news(connection: Connection) -> None:
    assert wall.JUDGE_LOCK == LOCK_KEY
    now = utc_now()
    board = Board()
    for judged in (False, True, False):
        await connection.execute("SELECT pg_advisory_unlock_all()")
        # A lock of somebody else's is no judge.
        await connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY + (not judged),))
        figures = await wall.figures(connection, now)
        assert figures.judged is judged
        board.update(figures)
        now += timedelta(seconds=60)
    alerts = msgspec.json.decode(board.tiles_since(0))["alerts"]
    # Known up to when there was a judge last: the tile grows old.
    assert datetime.fromisoformat(alerts["as_of"]) == now - timedelta(seconds=120)
    assert alerts["data"]["judged"] is False


async def test_waiting_cases(connection: Connection) -> None:
    now = utc_now()
    hour = timedelta(hours=1)
    for number, states in enumerate([(), (), ("second",), ("blind",), ("disputed",)]):
        await add_case(connection, now + (number - 1) * hour, states=states)
    await add_case(connection, now - 9 * hour, states=("needs_more",))
    waiting = (await wall.figures(connection, now)).waiting
    assert (waiting.first, waiting.second, waiting.disputed) == (2, 2, 1)
    assert waiting.deadline == now - hour and waiting.overdue == 1


def _figures(flow: list[SiteFlow], now: datetime) -> Figures:
    keys = sorted({(f.city, f.site) for f in flow} | {("z", "never")})
    names = [SiteName(city=c, site=s, name_vi=s, name_en=s, city_vi=c, city_en=c) for c, s in keys]
    nothing = Waiting(first=0, second=0, disputed=0, overdue=0, deadline=None)
    return Figures(
        now=now, sites=names, flow=flow, cameras_as_of=None, rules=[], alerts=[], alerts_total=0,
        judged=True, devices=[], silent=[], devices_as_of=None, values=[], waiting=nothing,
    )  # fmt: skip


def test_sites_worst_first_then_the_stale_then_the_calm_then_the_unknown() -> None:
    now = utc_now()

    def site(name: str, level: int | None, age: float = 5) -> SiteFlow:
        at = now - timedelta(seconds=age)
        return SiteFlow(city="c", site=name, as_of=at, minute=at, level=level)

    flow = [site("a", 1), site("b", 3), site("c", 5, age=91), site("d", 5), site("e", None)]
    shown = tiles(_figures(flow, now))["flow"][1]["sites"]
    assert [entry["site"] for entry in shown] == ["d", "b", "c", "a", "e", "never"]


def test_many_sites_are_cut_short_and_counted() -> None:
    now = utc_now()
    flow = [
        SiteFlow(city="c", site=f"s-{n:02}", as_of=now, minute=now, level=n % 6) for n in range(99)
    ]
    shown = tiles(_figures(flow, now))["flow"][1]
    assert shown["total"] == 100 and len(shown["sites"]) == MOST_ROWS < 100
    assert {entry["level"] for entry in shown["sites"]} == {5, 4, 3}


def test_a_board_tells_what_changed_since() -> None:
    now = utc_now()
    board = Board()
    assert board.update(_figures([], now))
    first = board.version
    assert msgspec.json.decode(board.tiles_since(0)).keys() == {
        *("flow", "violations", "alerts", "devices", "values", "review")
    }
    assert not board.update(_figures([], now))
    later = now + timedelta(seconds=1)
    at = later - timedelta(seconds=9)
    flow = [SiteFlow(city="c", site="a", as_of=at, minute=at, level=2, vehicles=7)]
    assert board.update(_figures(flow, later))
    assert msgspec.json.decode(board.tiles_since(first)).keys() == {"flow"}
    # Nothing new about alerts and cases but that nothing is new as of a second later.
    assert msgspec.json.decode(board.ages_since(first)).keys() == {"alerts", "review"}
    assert board.tiles_since(board.version) == board.ages_since(board.version) == b"{}"

"""A window says the same in whatever order, batches and repeats its events come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from ioc import events as e
from ioc.camera import Lane
from store.readers import LaneKey
from store.rows import FlowMinute
from store.writers import load_flow_minutes
from streams import windows as module
from streams.windows import SEEN_LIMIT, MinuteWindows, add, congestion, grouped, key_of, staged
from tests.store.samples import CAMERA, START, envelope, flow, later

CLASSES: tuple[e.VehicleClass, ...] = ("motorcycle", "car", "pedestrian")


@st.composite
def flows(draw: st.DrawFn) -> list[e.FlowEvent]:
    """Distinct events of two lanes over two minutes; sums of quarters are exact in any order."""
    quarters = st.integers(0, 200).map(lambda n: n / 4)
    found = []
    for number in range(draw(st.integers(1, 12))):
        data = e.FlowData(
            lane=draw(st.sampled_from(["lane-1", "lane-2"])),
            period_s=draw(st.sampled_from([5.0, 10.0])),
            counts=draw(st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 9))),
            speed_kmh=draw(st.none() | quarters),
            occupancy=draw(st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0])),
            queue_m=draw(st.none() | quarters),
        )
        at = START + timedelta(seconds=draw(st.integers(0, 110)))
        found.append(e.FlowEvent(**envelope(number, at=at), data=data))
    return found


def plain(events: Sequence[e.FlowEvent], lane: str, minute: datetime) -> dict[str, Any]:
    """The same sums by a plain reading of their definition."""
    mine = [
        x
        for x in events
        if x.data.lane == lane
        and minute
        <= x.time - timedelta(seconds=x.data.period_s / 2)
        < minute + timedelta(minutes=1)
    ]
    vehicles = {x.id: sum(x.data.counts.values()) for x in mine}
    fast = [x for x in mine if x.data.speed_kmh is not None and vehicles[x.id]]
    measured = [x for x in mine if x.data.occupancy is not None]
    queues = [x.data.queue_m for x in mine if x.data.queue_m is not None]
    return {
        **{name: sum(x.data.counts.get(name, 0) for x in mine) for name in CLASSES},
        "total": sum(vehicles.values()),
        "speed_sum": sum((x.data.speed_kmh or 0) * vehicles[x.id] for x in fast),
        "speed_weight": sum(vehicles[x.id] for x in fast),
        "occupancy_sum": sum((x.data.occupancy or 0) * x.data.period_s for x in measured),
        "occupancy_weight": sum(x.data.period_s for x in measured),
        "queue_m": max(queues) if queues else None,
        "periods": len(mine),
        "seen": {x.id for x in mine},
    }


@given(flows(), st.randoms(use_true_random=False), st.data())
@settings(deadline=None)
def test_any_order_repeats_and_batches_give_the_plain_sums(
    events: list[e.FlowEvent], random: Any, data: st.DataObject
) -> None:
    arriving = events + random.sample(events, random.randint(0, len(events)))
    random.shuffle(arriving)
    table: dict[Any, FlowMinute] = {}  # what the database holds; no cache beside it
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        batch, arriving = arriving[:size], arriving[size:]
        table |= staged(grouped([(CAMERA, event) for event in batch]), table, {})
        assert staged(grouped([(CAMERA, event) for event in batch]), table, {}) == {}
    assert sum(window.periods for window in table.values()) == len(events)
    for key, window in table.items():
        expected = plain(events, key.lane, key.minute)
        found = {name: getattr(window, name) for name in expected}
        found["seen"] = set(window.seen)
        assert found == expected
        assert len(window.seen) == window.periods


def test_an_event_that_is_in_changes_nothing() -> None:
    window = FlowMinute(**key_of(CAMERA, flow(1))._asdict())
    once = add(window, [flow(1)])
    assert once.periods == 1
    assert add(once, [flow(1)]) is once
    assert add(window, [flow(1), flow(1)]) == once


def test_a_window_takes_no_more_events_than_a_camera_can_send() -> None:
    window = FlowMinute(**key_of(CAMERA, flow(1))._asdict())
    full = add(window, [flow(number, at=START) for number in range(SEEN_LIMIT + 5)])
    assert (full.periods, len(full.seen)) == (SEEN_LIMIT, SEEN_LIMIT)
    assert add(full, [flow(999)]) is full


@pytest.mark.parametrize(
    ("ends", "minute"),
    [
        (later(60), START),  # 50 to 60 s: all of it before the full minute
        (later(65), later(60)),  # 55 to 65 s: the middle lies on the full minute
        (later(64.999), START),
        (later(10), START),
        (later(4), later(-60)),
    ],
)
def test_a_period_belongs_to_the_minute_of_its_middle(ends: datetime, minute: datetime) -> None:
    assert key_of(CAMERA, flow(1, at=ends)).minute == minute


LANE = Lane(
    id="lane-1",
    polygon=((0, 0), (9, 0), (9, 9)),
    direction=((0, 0), (0, 9)),
    free_speed_kmh=40,
)


def window(**changes: Any) -> FlowMinute:
    return FlowMinute(**key_of(CAMERA, flow(1))._asdict(), **changes)


@pytest.mark.parametrize(
    ("share", "level"),
    [(1.2, 0), (0.86, 0), (0.85, 1), (0.67, 2), (0.5, 3), (0.4, 4), (0.3, 5), (0.0, 5)],
)
def test_levels_of_congestion_by_speed(share: float, level: int) -> None:
    assert congestion(window(speed_sum=40 * share * 4, speed_weight=4), LANE) == level


@pytest.mark.parametrize(
    ("share", "level"), [(0.0, 0), (0.07, 0), (0.08, 1), (0.16, 2), (0.22, 3), (0.28, 4), (0.3, 5)]
)
def test_levels_of_congestion_by_occupancy(share: float, level: int) -> None:
    measured = window(occupancy_sum=share * 64, occupancy_weight=64.0)
    assert congestion(measured, None) == level
    assert congestion(measured, LANE) == level, "no speed: the occupancy is used"


def test_a_lane_that_is_not_measured_has_no_level() -> None:
    assert congestion(window(total=5), LANE) is None
    assert congestion(window(speed_sum=100.0, speed_weight=4), None) is None


def test_the_level_is_that_of_the_whole_minute() -> None:
    key = key_of(CAMERA, flow(1))
    lanes = {LaneKey(*key[:4]): LANE}
    first = staged({key: [flow(1)]}, {}, lanes)
    assert first[key].level == 1  # 30 of 40 km/h
    slow = flow(2)
    slow = e.FlowEvent(
        **envelope(2),
        data=e.FlowData(lane="lane-1", period_s=10.0, counts={"car": 9}, speed_kmh=0.0),
    )
    assert staged({key: [slow]}, first, lanes)[key].level == 5
    assert math.isclose(staged({key: [slow]}, first, lanes)[key].speed_kmh or 0, 7.5)


Connection = AsyncConnection[Any]


async def write(windows: MinuteWindows, connection: Connection, *numbers: int) -> None:
    async with connection.transaction():
        keep = await windows.write(connection, [(CAMERA, flow(n, at=later(n))) for n in numbers])
    keep()


async def test_after_a_restart_the_window_goes_on_from_the_table(connection: Connection) -> None:
    await write(MinuteWindows(), connection, 10, 20)
    await write(MinuteWindows(), connection, 20, 30)
    stored = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert [(minute.periods, set(minute.seen)) for minute in stored] == [
        (3, {flow(n, at=later(n)).id for n in (10, 20, 30)})
    ]


async def test_after_a_rollback_the_window_is_as_if_nothing_was(connection: Connection) -> None:
    windows = MinuteWindows()
    await write(windows, connection, 10)
    with pytest.raises(ZeroDivisionError):
        async with connection.transaction():
            await windows.write(connection, [(CAMERA, flow(20, at=later(20)))])
            raise ZeroDivisionError
    await write(windows, connection, 20)
    [minute] = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert minute.periods == 2


async def test_another_workers_windows_are_seen_after_forgetting(connection: Connection) -> None:
    mine, other = MinuteWindows(), MinuteWindows()
    await write(mine, connection, 10)
    await write(other, connection, 20)
    mine.forget()
    await write(mine, connection, 30)
    [minute] = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert minute.periods == 3


async def test_what_was_forgotten_under_way_does_not_come_back(connection: Connection) -> None:
    windows = MinuteWindows()
    async with connection.transaction():
        keep = await windows.write(connection, [(CAMERA, flow(10, at=later(10)))])
    windows.forget()
    keep()
    assert len(windows) == 0


async def test_the_cache_is_bounded_and_drops_the_oldest(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_LIMIT", 10)
    windows = MinuteWindows()
    for number in range(25):
        await write(windows, connection, 60 * number + 10)
        assert len(windows) <= 10
    await write(windows, connection, 10, 20)
    [minute] = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert minute.periods == 2, "a window that was dropped is loaded again"

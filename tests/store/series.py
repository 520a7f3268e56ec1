"""Three days of rows, and in Python what the aggregates must say of them."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from psycopg import Connection

from ioc import events as e
from ioc.clock import VIETNAM
from ioc.ids import derived_uuid7
from ioc.topics import DevicePath
from store.bulk import statements
from store.rows import TABLE_OF, Row, Table, row_of

CLASSES = get_args(e.VehicleClass)
WIDTHS = {
    "1m": timedelta(minutes=1),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
}
LEVELS = (*WIDTHS, "1d")
TABLES = {kind: TABLE_OF[kind] for kind in (e.FlowEvent, e.ReadingEvent, e.HealthEvent)}


def load(connection: Connection[Any], table: Table, rows: Sequence[Row]) -> int:
    """Store rows by ``insert_rows``' own INSERT, because PGlite has no COPY and no pipelines.

    Returns:
        How many were new.
    """
    insert = statements(table).insert
    with connection.transaction():
        return sum(connection.execute(insert, row, prepare=False).rowcount for row in rows)


def sample(end: datetime, days: int = 3, rows: int = 400, seed: int = 7) -> list[Any]:
    """Random events of two devices over the days before ``end``, some fields left out."""
    dice = random.Random(seed)
    made: list[Any] = []
    for number in range(rows):
        path = DevicePath("vithanh", "tran-hung-dao", f"dev-{dice.randrange(2)}")
        # Half of them within one hour, so that buckets hold more than one event.
        span = 3600 if dice.random() < 0.5 else days * 86_400
        at = end - timedelta(milliseconds=dice.randrange(span * 1000))
        fields: dict[str, Any] = {
            "specversion": "1.0",
            "id": derived_uuid7(at, "sample", str(seed), str(number)),
            "source": path.source,
            "time": at,
            "bootid": derived_uuid7(end, path.key),
            "sequence": number,
        }

        def maybe(value: Any) -> Any:
            return value if dice.random() < 0.8 else None

        counts = {name: dice.randrange(30) for name in CLASSES if dice.random() < 0.5}
        flow = e.FlowData(
            lane=f"lane-{dice.randrange(2)}",
            period_s=dice.choice([5.0, 10.0]),
            counts=counts,
            speed_kmh=maybe(dice.uniform(0, 80)),
            occupancy=maybe(dice.random()),
            queue_m=maybe(dice.uniform(0, 90)),
        )
        reading = e.ReadingData(
            quantity="water_level",
            value=dice.uniform(-2, 3),
            unit="m",
            quality=dice.choice(["good", "suspect", "bad"]),
        )
        health = e.HealthData(
            uptime_s=dice.uniform(0, 1e6),
            fps=maybe(dice.uniform(0, 30)),
            latency_ms=maybe(dice.uniform(1, 900)),
            stalls=maybe(dice.randrange(9)),
            spool_depth=maybe(dice.randrange(900)),
            gpu_utilisation=maybe(dice.random()),
            clock=maybe(e.ClockRef(source="ntp", offset_ms=dice.uniform(-50, 50))),
        )
        made.append(e.FlowEvent(**fields, data=flow))
        made.append(e.ReadingEvent(**fields, data=reading))
        made.append(e.HealthEvent(**fields, data=health))
    return made


def load_events(connection: Connection[Any], events: Iterable[Any]) -> int:
    """Store events in their tables; returns how many were new."""
    rows: dict[Table, list[Row]] = defaultdict(list)
    for event in events:
        path = DevicePath(*event.source[1:].split("/"))
        rows[TABLE_OF[type(event)]].append(row_of(path, event))
    return sum(load(connection, table, part) for table, part in rows.items())


def bucket(at: datetime, level: str) -> datetime:
    """The start of the bucket that an instant lies in; a day is one in Vietnam."""
    if level == "1d":
        return at.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = WIDTHS[level].total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, at.tzinfo)


def _mean(pairs: Iterable[tuple[float | None, float]]) -> float | None:
    """The weighted mean of what is there."""
    known = [(value, weight) for value, weight in pairs if value is not None]
    weight = sum(w for _, w in known)
    return sum(v * w for v, w in known) / weight if weight else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _flow(events: list[e.FlowEvent]) -> dict[str, Any]:
    totals = [(event.data, sum(event.data.counts.values())) for event in events]
    return {
        **{name: sum(d.counts.get(name, 0) for d, _ in totals) for name in CLASSES},
        "total": sum(total for _, total in totals),
        "speed_kmh": _mean((d.speed_kmh, total) for d, total in totals),
        "occupancy": _mean((d.occupancy, d.period_s) for d, _ in totals),
        "queue_m": _most(d.queue_m for d, _ in totals),
        "periods": len(events),
    }


def _reading(events: list[e.ReadingEvent]) -> dict[str, Any]:
    good = [event.data.value for event in events if event.data.quality != "bad"]
    return {
        "samples": len(good),
        "bad": len(events) - len(good),
        "value": sum(good) / len(good) if good else None,
        "value_min": _least(good),
        "value_max": _most(good),
    }


def _health(events: list[e.HealthEvent]) -> dict[str, Any]:
    data = [event.data for event in events]
    offsets = [d.clock.offset_ms for d in data if d.clock and d.clock.offset_ms is not None]
    return {
        "samples": len(data),
        "uptime_s_min": _least(d.uptime_s for d in data),
        "fps": _mean((d.fps, 1) for d in data),
        "fps_min": _least(d.fps for d in data),
        "latency_ms": _mean((d.latency_ms, 1) for d in data),
        "latency_ms_max": _most(d.latency_ms for d in data),
        "gpu_utilisation": _mean((d.gpu_utilisation, 1) for d in data),
        "gpu_utilisation_max": _most(d.gpu_utilisation for d in data),
        "dropped_frames": _most(d.dropped_frames for d in data),
        "stalls": _most(d.stalls for d in data),
        "spool_depth": _most(d.spool_depth for d in data),
        "clock_offset_ms": _most(abs(offset) for offset in offsets),
    }


def expected(events: Iterable[Any], kind: type[Any], level: str) -> dict[Any, dict[str, Any]]:
    """What ``flow_1h`` or another aggregate must hold: bucket and keys → figures."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for event in events:
        if type(event) is kind:
            keys = event.source[1:].split("/")
            if kind is e.FlowEvent:
                keys.append(event.data.lane)
            groups[(bucket(event.time, level), *keys)].append(event)
    makers: dict[Any, Any] = {
        e.FlowEvent: _flow,
        e.ReadingEvent: _reading,
        e.HealthEvent: _health,
    }
    make = makers[kind]
    return {key: make(group) for key, group in groups.items()}


def assert_aggregates(
    connection: Connection[Any],
    events: list[Any],
    levels: Sequence[str] = LEVELS,
    since: datetime | None = None,
) -> None:
    """Every aggregate of these levels says what Python says of all buckets from ``since`` on."""
    for kind, table in TABLES.items():
        keys = ["bucket", "city", "site", "device", *(["lane"] if table.name == "flow" else [])]
        for level in levels:
            wanted = expected(events, kind, level)
            columns = list(next(iter(wanted.values())))
            query = f"SELECT {', '.join([*keys, *columns])} FROM {table.name}_{level}"
            rows = connection.execute(query.encode()).fetchall()
            found = {
                row[: len(keys)]: dict(zip(columns, row[len(keys) :], strict=True)) for row in rows
            }
            assert len(rows) == len(found)
            if since is not None:
                wanted = {key: figures for key, figures in wanted.items() if key[0] >= since}
                found = {key: figures for key, figures in found.items() if key[0] >= since}
            assert found.keys() == wanted.keys(), f"{table.name}_{level}"
            for key, figures in wanted.items():
                for name, value in figures.items():
                    _assert_same(found[key][name], value, f"{table.name}_{level} {key} {name}")


def _assert_same(found: Any, wanted: Any, where: str) -> None:
    if wanted is None or found is None or isinstance(wanted, int):
        assert found == wanted, where
    else:
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9), where

"""What exists in the made-up province: junctions, devices, sensors, indicators, people."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from ioc.ids import derived_uuid7
from ioc.indicators import indicators
from measure.bench.wall import place
from measure.bench.wall.place import Device, Province

REVIEWERS: Final = 20
OFFLINE: Final = 5
"""One device in a hundred and twenty is offline, and as many miss an event."""

HELPERS: Final = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE bench.plan (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    content jsonb NOT NULL,
    first   timestamptz NOT NULL,
    dense   timestamptz NOT NULL,
    until   timestamptz NOT NULL
);
CREATE TABLE bench.lane (
    number integer PRIMARY KEY,
    city   text NOT NULL,
    site   text NOT NULL,
    device text NOT NULL,
    lane   text NOT NULL,
    bootid uuid NOT NULL
);
CREATE TABLE bench.device (
    number integer PRIMARY KEY,
    city   text NOT NULL,
    site   text NOT NULL,
    device text NOT NULL,
    bootid uuid NOT NULL
);
CREATE TABLE bench.core (
    part    text NOT NULL,
    figure  text NOT NULL,
    label   text NOT NULL,
    low     double precision NOT NULL,
    high    double precision NOT NULL,
    unit    text NOT NULL,
    every_s integer NOT NULL
);
-- The same number between 0 and 1 for the same question, whatever else was asked before.
CREATE FUNCTION bench.share(number bigint, salt bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (hashint8extended(number, salt) & 1048575) / 1048576.0;
CREATE FUNCTION bench.pick(choices text[], number bigint, salt bigint) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN choices[1 + floor(bench.share(number, salt) * cardinality(choices))];
CREATE FUNCTION bench.id(at timestamptz, number bigint, salt bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(number || ':' || salt), 1, 3) || '8'
        || substr(md5(number || ':' || salt), 5, 15))::uuid;
"""


_STATE: Final = (1.0, 1.0, "")
_PROCESS: Final[dict[str, tuple[float, float, str]]] = {
    "up": _STATE, "uptime_s": (1e5, 2e5, "s"), "memory_bytes": (5e7, 1e8, "B"),
    "cpu_share": (0.1, 0.4, "ratio"), "set_aside": (0.0, 0.0, "count"),
    "stalled_s": (0.0, 0.0, "s"),
}  # fmt: skip
_WORKER: Final = {
    **_PROCESS, "ready": _STATE, "leader": _STATE, "blocked": (0.0, 0.0, "count"),
    "stored_per_s": (40.0, 60.0, "count"), "event_age_p95_s": (0.3, 2.0, "s"),
    "commit_p95_s": (0.01, 0.05, "s"), "retries": (0.0, 0.0, "count"),
}  # fmt: skip
_HOST: Final = {
    "up": _STATE, "dropped": (0.0, 0.0, "count"), "memory_used_share": (0.4, 0.6, "ratio"),
    "cpu_used_share": (0.2, 0.7, "ratio"), "clock_synchronised": _STATE,
    "clock_offset_s": (0.0, 0.004, "s"),
}  # fmt: skip
_CUSTODY: Final = {
    "audit_lines": (1e6, 1e6, "count"), "audit_faults": (0.0, 0.0, "count"),
    "audit_roots": (700.0, 730.0, "count"), "evidence_checked": (1.0, 9e3, "count"),
    "evidence_left": (1.0, 9e3, "count"), "evidence_faults": (0.0, 0.0, "count"),
    "evidence_round_s": (3e4, 4e4, "s"), "refused_programs": (0.0, 2.0, "count"),
}  # fmt: skip
_TOPICS: Final = ("violation", "flow", "reading", "signal", "status", "health", "deadletter")
_CORE: Final[dict[str, dict[str, tuple[float, float, str]]]] = {
    "bridge-1": {
        **_PROCESS, "connected": _STATE, "in_flight": (0.0, 9.0, "count"),
        "received_per_s": (40.0, 60.0, "count"), "forwarded_per_s": (40.0, 60.0, "count"),
        "latency_p95_s": (0.01, 0.2, "s"),
    },
    "streams-0": _WORKER,
    "streams-1": _WORKER,
    "kafka": {"up": _STATE, "stream_lag": (0.0, 90.0, "count"), "stream_lag_s": (0.0, 3.0, "s")},
    "database": {
        "up": _STATE, "database_bytes": (2e10, 3e10, "B"), "job_failures": (0.0, 0.0, "count"),
        "connections_share": (0.1, 0.3, "ratio"),
    },
    "host:core-1": _HOST,
    "host:core-2": _HOST,
    "console": {**_PROCESS, **_CUSTODY},
}  # fmt: skip
"""docs/core-figures.md: the least and the most of each figure, and its unit."""
_LABELLED: Final[dict[str, tuple[tuple[str, ...], tuple[float, float, str]]]] = {
    "disk_used_share": (("/", "/data", "/evidence"), (0.3, 0.6, "ratio")),
    "disk_free_bytes": (("/", "/data", "/evidence"), (1e11, 2e11, "B")),
    "certificate_days": (("mqtt", "console", "grafana"), (30.0, 90.0, "d")),
    "certificate_up": (("mqtt", "console", "grafana"), _STATE),
}
_SLOW: Final = frozenset({*_CUSTODY, *_LABELLED, "database_bytes", "connections_share",
    "job_failures", "clock_synchronised", "clock_offset_s"})  # fmt: skip
"""Told once a minute, the others every 15 s."""


def write(connection: Connection[Any], province: Province) -> None:
    """All that does not depend on the time, into an empty database; the caller commits."""
    cursor = connection.cursor()
    connection.execute(HELPERS.encode())
    cursor.executemany(
        "INSERT INTO bench.lane VALUES (%s, %s, %s, %s, %s, %s)",
        [
            (n, *one.device.path, one.lane, one.device.bootid)
            for n, one in enumerate(province.lanes)
        ],
    )
    cursor.executemany(
        "INSERT INTO bench.device VALUES (%s, %s, %s, %s, %s)",
        [(n, *one.path, one.bootid) for n, one in enumerate(province.devices)],
    )
    cursor.executemany(
        "INSERT INTO site (city, site, name_vi, name_en, city_name_vi, city_name_en, ward, "
        "latitude, longitude) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [_site(n, city, site) for n, (city, site) in enumerate(province.sites)],
    )
    cursor.executemany(
        "INSERT INTO sensor (city, site, device, quantity, unit, name_vi, name_en, period_s, "
        "raise_at, clear_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [_sensor(one) for one in province.sensors],
    )
    cursor.executemany(
        "INSERT INTO indicator (quantity, position, name_vi, name_en, unit, target, better, year, "
        "source) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (one.quantity, n, one.name.vi, one.name.en, one.unit, one.target, one.better, one.year,
             one.source)
            for n, one in enumerate(indicators())
        ],
    )  # fmt: skip
    cursor.executemany("INSERT INTO bench.core VALUES (%s, %s, %s, %s, %s, %s, %s)", _core())
    start = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    cursor.executemany(
        "INSERT INTO person (id, login, name, role) VALUES (%s, %s, %s, 'reviewer')",
        [(derived_uuid7(start, f"person {n}"), f"reviewer-{n}", f"Reviewer {n}")
         for n in range(REVIEWERS)],
    )  # fmt: skip
    cursor.executemany(
        "INSERT INTO device_key (public, key, city, site, device, enrolled) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [(*_key(one), *one.path, start) for one in province.cameras],
    )


def present(connection: Connection[Any], province: Province, now: datetime) -> None:
    """How the devices stand at an instant; the caller commits."""
    cursor = connection.cursor()
    rows = list(enumerate(province.devices))
    silent = {n for n, _ in rows if n % 120 == OFFLINE}
    cursor.executemany(
        "INSERT INTO device (city, site, device, state, bootid, state_time, state_received, "
        "last_time, last_received) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (city, site, device) DO UPDATE SET last_time = excluded.last_time, "
        "last_received = excluded.last_received",
        [
            (
                *(*one.path, "offline" if n in silent else "online", one.bootid),
                *(now - timedelta(days=2), now - timedelta(days=2)),
                *((now - timedelta(hours=3),) * 2 if n in silent else (now, now)),
            )
            for n, one in rows
        ],
    )
    cursor.executemany(
        "INSERT INTO device_boot (city, site, device, bootid, received, first_time, last_time, "
        "last_received, gap_since) VALUES (%s, %s, %s, %s, %s::int8multirange, %s, %s, %s, %s) "
        "ON CONFLICT (city, site, device, bootid) DO UPDATE SET received = excluded.received, "
        "last_time = excluded.last_time, last_received = excluded.last_received",
        [
            (
                *(*one.path, one.bootid),
                "{[0,90000),[90001,250000)}" if n in silent else "{[0,250000)}",
                *(now - timedelta(days=30), now, now),
                now - timedelta(hours=5) if n in silent else None,
            )
            for n, one in rows
        ],
    )


def _core() -> list[tuple[Any, ...]]:
    told = [
        *((part, figure, "", *how)
          for part, of_it in _CORE.items() for figure, how in of_it.items()),
        *(("kafka", figure, f"ioc.{topic}.v1", *_CORE["kafka"][figure])
          for figure in ("stream_lag", "stream_lag_s") for topic in _TOPICS),
        *((host, figure, label, *how) for host in ("host:core-1", "host:core-2")
          for figure, (labels, how) in _LABELLED.items() for label in labels),
    ]  # fmt: skip
    return [(*one, 60 if one[1] in _SLOW else 15) for one in told]


def _site(number: int, city: str, site: str) -> tuple[Any, ...]:
    latitude, longitude = place.CENTRES[city]
    row, column = divmod(number // 2, 5)
    name = place.CITIES[city]
    return (
        *(city, site, f"Nút giao {number + 1:03}", f"Junction {number + 1:03}", name, name, None),
        *(latitude + 0.004 * row, longitude + 0.004 * column),
    )


def _sensor(sensor: Device) -> tuple[Any, ...]:
    quantity = sensor.quantity or ""
    probe = place.PROBES[quantity]
    site = sensor.path.site.removeprefix("site-")
    return (
        *(*sensor.path, quantity, sensor.unit, f"{probe.vi} {site}", f"{probe.en} {site}"),
        *(float(place.READING_S), probe.raise_at, probe.clear_at),
    )


def _key(device: Device) -> tuple[bytes, str]:
    public = hashlib.sha256(device.path.key.encode()).digest()
    return public, public.hex()[:16]

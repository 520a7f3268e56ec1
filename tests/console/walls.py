"""Rows for the wall, loaded the way the core does it, and a console that serves them."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from psycopg import AsyncConnection

from console.app import build
from console.auth.guard import token_of
from console.server import Server
from ioc import events as e
from ioc.clock import Clock, utc_now
from ioc.console_settings import ConsoleSettings
from ioc.ids import derived_uuid7, uuid7
from ioc.local_process import free_port
from ioc.settings import DatabaseSettings, Settings
from ioc.site import Site
from ioc.topics import DevicePath
from store import people
from store.bulk import insert_rows
from store.rows import EVENT_TABLES, TABLE_OF, Alert, ReceivedEntry, row_of
from store.writers import merge_received, save_statuses, upsert_alerts
from streams.windows import MinuteWindows

Connection = AsyncConnection[Any]

PLATE = "95-B1 678.90"
"""A plate that must be seen nowhere on a wall."""


@dataclass
class Rows:
    """Events that devices have sent, to be stored as the core stores them."""

    events: list[tuple[DevicePath, Any]] = field(default_factory=list)
    _numbers: dict[DevicePath, int] = field(default_factory=dict)

    def add(self, path: DevicePath, at: datetime, data: e.Payload) -> None:
        """One event."""
        number = self._numbers[path] = self._numbers.get(path, -1) + 1
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        event: Any = e.EVENT_OF_PAYLOAD[type(data)](
            specversion="1.0",
            id=derived_uuid7(at, path.key, str(number), secrets.token_hex(4)),
            source=path.source,
            time=at,
            bootid=boot_of(path),
            sequence=number,
            data=data,  # type: ignore[call-arg]
        )
        self.events.append((path, event))

    def flow(
        self, path: DevicePath, at: datetime, lane: str, speed: float | None, **counts: int
    ) -> None:
        """Ten seconds of a lane that end at ``at``."""
        self.add(
            path,
            at,
            e.FlowData(
                lane=lane,
                period_s=10.0,
                counts=counts,  # type: ignore[arg-type]
                speed_kmh=speed,
                occupancy=0.05,
            ),
        )

    def violation(self, path: DevicePath, at: datetime, rule: Any, plate: str = PLATE) -> None:
        """A proposal, with a plate."""
        self.add(
            path,
            at,
            e.ViolationData(
                rule=rule,
                track=len(self.events),
                vehicle="motorcycle",
                act_time=at,
                confidence=0.9,
                model=e.ModelRef(name="yolox-nano", sha256="a" * 64),
                clock=e.ClockRef(source="ntp", offset_ms=1.5),
                frames=e.FrameWindow(first=10, last=20),
                plate=e.Plate(text=plate, confidence=0.8, colour="white"),
            ),
        )

    def reading(
        self, path: DevicePath, at: datetime, quantity: str, value: float, unit: str, **more: Any
    ) -> None:
        """A value."""
        data = e.ReadingData(quantity=quantity, value=value, unit=unit, **more)
        self.add(path, at, data)

    def health(self, path: DevicePath, at: datetime) -> None:
        """A sign of life."""
        self.add(path, at, e.HealthData(uptime_s=100.0))

    async def store(self, connection: Connection, sites: Sequence[Site] = ()) -> None:
        """Store all in one transaction, and forget them."""
        windows = MinuteWindows(sites)
        async with connection.transaction():
            for table in EVENT_TABLES:
                rows = [row_of(path, ev) for path, ev in self.events if TABLE_OF[type(ev)] is table]
                if rows:
                    await insert_rows(connection, table, rows)
            flows = [(path, ev) for path, ev in self.events if type(ev) is e.FlowEvent]
            await windows.write(connection, flows)
            entries = [
                ReceivedEntry(path, ev.bootid, [(ev.sequence, ev.sequence)], ev.time)
                for path, ev in self.events
            ]
            await merge_received(connection, entries)
        self.events.clear()


def boot_of(path: DevicePath) -> UUID:
    """The boot of a device."""
    return derived_uuid7(datetime.fromisoformat("2026-11-01T00:00:00+00:00"), path.key)


async def set_state(connection: Connection, path: DevicePath, state: Any, at: datetime) -> None:
    """A birth or a will."""
    event = e.StatusEvent(
        specversion="1.0",
        id=uuid7(at),
        source=path.source,
        time=at,
        bootid=boot_of(path),
        data=e.StatusData(state=state, versions={"ioc": "1"}),
    )
    async with connection.transaction():
        await save_statuses(connection, [(path, event)])


async def raise_alert(connection: Connection, kind: str, path: Any, **more: Any) -> Alert:
    """An open alert about a device, or about what it measures."""
    city, site, device = path
    fields: dict[str, Any] = {
        "kind": kind,
        "subject": "/".join(part for part in path if part),
        "city": city,
        "site": site,
        "device": device,
        "raised_at": utc_now(),
        "message_vi": f"{site}: {kind} bất thường",
        "message_en": f"{site}: {kind} abnormal",
        **more,
    }
    made = Alert(id=uuid7(fields["raised_at"]), **fields)
    async with connection.transaction():
        await upsert_alerts(connection, [made])
    return made


async def add_case(connection: Connection, deadline: datetime, **more: Any) -> UUID:
    """A case that waits, with a plate."""
    case = uuid4()
    states = more.pop("states", ())
    columns = {
        "id": case,
        "city": "vithanh",
        "site": "tran-hung-dao",
        "device": "cam-1",
        "bootid": uuid4(),
        "track": random.randrange(1 << 40),
        "vehicle": "motorcycle",
        "rules": ["red_light"],
        "act_first": deadline - timedelta(days=10),
        "act_last": deadline - timedelta(days=10),
        "plate_read": PLATE,
        "deadline": deadline,
        **more,
    }
    names = ", ".join(columns)
    marks = ", ".join(["%s"] * len(columns))
    async with connection.transaction():
        await connection.execute(
            f"INSERT INTO review_case ({names}) VALUES ({marks})".encode(), list(columns.values())
        )
        for state in states:
            await connection.execute(
                "UPDATE review_case SET state = %s WHERE id = %s", (state, case)
            )
    return case


async def log_in(
    connection: Connection, role: people.Role = "operator", login: str | None = None, **more: Any
) -> str:
    """Somebody who is logged in; returns the cookie's value."""
    person = await people.person_by_login(connection, login) if login else None
    cookie = secrets.token_urlsafe(16)
    now = utc_now()
    async with connection.transaction():
        id = person.id if person else uuid4()
        if person is None:
            login = login or f"{role}-{id.hex[:6]}"
            await people.add_person(
                connection, id=id, login=login, name="Trực ban", role=role, must_change=False
            )
        if more:
            await people.change_person(connection, id, **more)
        await people.begin_session(
            connection,
            token=token_of(cookie),
            person=id,
            csrf="c",
            factor=True,
            now=now,
            expires=now + timedelta(hours=8),
            address="127.0.0.1",
        )
    return cookie


def settings_of(database: DatabaseSettings, folder: Path, **console: Any) -> Settings:
    """Settings of a console over a database; a second factor is not asked for."""
    return Settings(
        database=database,
        console=ConsoleSettings(
            evidence_url=str(folder / "evidence"),
            work_dir=folder / "work",
            keys_dir=folder / "keys",
            second_factor="optional",
            **console,
        ),
    )


@dataclass
class Served:
    """A console that listens."""

    url: str
    app: Any
    server: uvicorn.Server


class _Server(Server):
    """Leaves Ctrl-C to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(
    settings: Settings, clock: Clock = utc_now, port: int | None = None
) -> AsyncIterator[Served]:
    """The console in uvicorn, on a port of its own if none is given, stopped at the end."""
    port = port or free_port()
    app = build(settings, clock)
    server = _Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=15
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.02)
    try:
        yield Served(f"http://127.0.0.1:{port}", app, server)
    finally:
        server.should_exit = True
        await task

"""Events at a steady rate through the real sink, from a process of its own.

What comes in is what Kafka would hand to a streams worker: encoded events, a batch of each topic.
They are read, judged and stored by ``streams.sink.Sink``, with windows and sequences; only the
receipts go nowhere.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import cycle
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final
from uuid import UUID

from ioc.clock import utc_now
from ioc.deadletter import DeadLetter
from ioc.events import (
    Event,
    FlowData,
    FlowEvent,
    HealthData,
    HealthEvent,
    ReadingData,
    ReadingEvent,
    encode,
)
from ioc.ids import uuid7
from ioc.settings import DatabaseSettings
from measure.bench.wall.place import Device, Lane, Province
from store.pool import open_pool
from streams.batch import Raw
from streams.counters import StreamCounters
from streams.receipts import ReceiptBook
from streams.sink import Sink
from streams.windows import MinuteWindows

TICK_S: Final = 0.2
"""A worker gathers a batch no longer."""
SHARES: Final = {"flow": 12, "reading": 7, "health": 1}
"""Of twenty events so many are of each kind."""
_START_S: Final = 60
_STOP_S: Final = 30


class Source:
    """Events of all devices in turns, numbered as devices do.

    Args:
        province: Who sends.
    """

    def __init__(self, province: Province) -> None:
        self._boots: dict[str, UUID] = {}
        self._numbers: dict[str, int] = {}
        self._kinds = cycle([kind for kind, share in SHARES.items() for _ in range(share)])
        self._lanes = cycle(province.lanes)
        self._sensors = cycle(province.sensors)
        self._cameras = cycle(province.cameras)

    def take(self, count: int, now: datetime) -> dict[str, list[Raw]]:
        """The next events, by topic.

        Args:
            count: How many.
            now: Their times lie within the tick before.
        """
        records: dict[str, list[Raw]] = {}
        for number in range(count):
            kind = next(self._kinds)
            at = now - timedelta(milliseconds=round(1000 * TICK_S * (count - number) / count))
            device, event = self._event(kind, at)
            topic = f"ioc.{kind}.v1"
            raw = Raw(device.path.key.encode(), encode(event), topic)
            records.setdefault(topic, []).append(raw)
        return records

    def _event(self, kind: str, at: datetime) -> tuple[Device, Event]:
        if kind == "flow":
            lane: Lane = next(self._lanes)
            flow = FlowData(
                lane=lane.lane,
                period_s=1.0,
                counts={"motorcycle": 3, "car": 1},
                speed_kmh=31.5,
                occupancy=0.1,
            )
            return lane.device, FlowEvent(**self._envelope(lane.device, at), data=flow)
        if kind == "reading":
            sensor: Device = next(self._sensors)
            reading = ReadingData(quantity=sensor.quantity or "", value=1.0, unit=sensor.unit)
            return sensor, ReadingEvent(**self._envelope(sensor, at), data=reading)
        camera: Device = next(self._cameras)
        health = HealthData(uptime_s=1000.0, fps=10.0, spool_depth=0)
        return camera, HealthEvent(**self._envelope(camera, at), data=health)

    def _envelope(self, device: Device, at: datetime) -> dict[str, Any]:
        key = device.path.key
        boot = self._boots.setdefault(key, uuid7(at))
        number = self._numbers[key] = self._numbers.get(key, -1) + 1
        return {
            "specversion": "1.0", "id": uuid7(at), "source": device.path.source, "time": at,
            "bootid": boot, "sequence": number,
        }  # fmt: skip


class Written:
    """What a writer has done so far; filled in when it has stopped."""

    rows: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


@contextmanager
def writer(settings: DatabaseSettings, province: Province, rate: int) -> Iterator[Written]:
    """A process that writes while the block runs.

    Args:
        settings: The database.
        province: Who sends.
        rate: Events a second.

    Raises:
        RuntimeError: It did not begin or did not end.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    shape = (len(province.sites), province.seed)
    process = context.Process(target=_work, args=(settings, shape, rate, theirs), daemon=True)
    process.start()
    theirs.close()
    written = Written()
    try:
        if not ours.poll(_START_S):
            raise RuntimeError("the writer did not begin")
        ours.recv()
        yield written
        ours.send("stop")
        if not ours.poll(_STOP_S):
            raise RuntimeError("the writer did not end")
        written.rows, written.seconds = ours.recv()
    except EOFError:
        raise RuntimeError("the writer has died; its error stands above") from None
    finally:
        process.kill()
        process.join(10)


def _work(settings: DatabaseSettings, shape: tuple[int, int], rate: int, pipe: Pipe) -> None:
    asyncio.run(_write(settings, Province(*shape), rate, pipe))


async def _write(settings: DatabaseSettings, province: Province, rate: int, pipe: Pipe) -> None:
    counters = StreamCounters()
    source = Source(province)

    async def refuse(letters: Sequence[DeadLetter]) -> None:
        if letters:
            raise RuntimeError(f"an event was set aside: {letters[0].detail}")

    async with open_pool(settings, "ioc-bench-writer") as pool:
        sink = Sink(pool, MinuteWindows(), ReceiptBook(), refuse, counters)
        await sink.commit_events(source.take(1, utc_now()).popitem()[1])
        pipe.send("begun")
        began = time.perf_counter()
        stored, ticks = counters.stored.total(), 0
        while not pipe.poll():
            ticks += 1
            due = began + ticks * TICK_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            for records in source.take(round(rate * TICK_S), utc_now()).values():
                await sink.commit_events(records)
        pipe.send((counters.stored.total() - stored, time.perf_counter() - began))

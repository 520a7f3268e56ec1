"""A load of many devices that know what they have minted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, cast
from uuid import UUID, uuid4

from edge.publisher import Publisher
from ioc.clock import utc_now
from ioc.events import (
    EVENT_OF_PAYLOAD,
    ClockRef,
    FlowData,
    FrameWindow,
    HealthData,
    ModelRef,
    NumberedEvent,
    Payload,
    Plate,
    ReadingData,
    SignalData,
    ViolationData,
)
from ioc.ids import uuid7
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import DevicePath, device_path
from measure.ledger import Number
from simulator.devices.fleet import Minted
from tests.faults.system import eventually

LANES: Final = tuple(f"lane-{number}" for number in range(1, 9))
"""Eight, so that no lane has more flow events a minute than a window believes (240)."""

_DIGEST: Final = "0123456789abcdef" * 4


def payload(rng: random.Random) -> Payload:
    """Something that a junction says: 40 % flows, the rest of every kind."""
    now = utc_now()
    kind = rng.random()
    if kind < 0.4:
        counts = {"motorcycle": rng.randrange(30), "car": rng.randrange(8), "bus": 1}
        return FlowData(
            lane=rng.choice(LANES),
            period_s=10.0,
            counts=counts,  # type: ignore[arg-type]
            speed_kmh=round(rng.uniform(5, 50), 1),
            occupancy=round(rng.random(), 3),
            queue_m=float(rng.randrange(60)),
        )
    if kind < 0.65:
        return ReadingData(quantity="water_level", value=round(rng.uniform(0, 2), 3), unit="m")
    if kind < 0.8:
        phase = rng.choice(("red", "yellow", "green"))
        return SignalData(head="head-1", phase=phase, since=now)  # type: ignore[arg-type]
    if kind < 0.9:
        return ViolationData(
            rule="red_light",
            track=rng.randrange(10_000),
            vehicle="motorcycle",
            act_time=now - timedelta(seconds=1),
            confidence=0.9,
            model=ModelRef(name="yolox-nano", sha256=_DIGEST),
            clock=ClockRef(source="ntp", offset_ms=1.5),
            frames=FrameWindow(first=100, last=130),
            plate=Plate(text="95B1-123.45", confidence=0.8, colour="white"),
        )
    return HealthData(uptime_s=rng.uniform(0, 1e6), fps=12.5, spool_depth=rng.randrange(100))


def fresh_path(name: str, device: str) -> DevicePath:
    """A device that no other test has."""
    return device_path("vithanh", f"{name}-{uuid4().hex[:8]}", device)


@dataclass
class Load:
    """Devices of one site that publish from one thread until the end of a ``with``.

    Attributes:
        name: Of the test; a random part is added for the site's name.
        mqtt: The broker.
        folder: Of the spools.
        devices: How many.
        rate: Events a second, all together.
        mqtt_of: Another broker address for the device of a number, or None.
    """

    name: str
    mqtt: MqttSettings
    folder: Path
    devices: int = 6
    rate: float = 120.0
    mqtt_of: Callable[[int], MqttSettings | None] = lambda _number: None
    publishers: list[Publisher] = field(default_factory=list)
    minted: list[Minted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.site = f"{self.name}-{uuid4().hex[:8]}"
        self._rng = random.Random(self.name)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.fault: BaseException | None = None
        edge = EdgeSettings(
            spool_dir=self.folder / f"spool-{self.site}",
            resend_after_s=3,
            reconnect_min_s=0.1,
            reconnect_max_s=1,
        )
        for number in range(self.devices):
            path = device_path("vithanh", self.site, f"cam-{number}")
            mqtt = self.mqtt_of(number) or self.mqtt
            self.publishers.append(Publisher(path, mqtt, edge))
            self.minted.append(Minted())

    def __enter__(self) -> Load:
        for publisher in self.publishers:
            publisher.start()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.silence()
        for publisher in self.publishers:
            publisher.stop(timeout_s=2)

    def silence(self) -> None:
        """Mint no more; what is in the spools still goes out.

        Raises:
            BaseException: What the thread of the load ended with.
        """
        self._stop.set()
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    @property
    def count(self) -> int:
        """Events minted so far."""
        return sum(minted.count for minted in self.minted)

    @property
    def numbers(self) -> set[Number]:
        """Every number minted so far; call it when the load is silent."""
        return {
            Number(bootid, sequence)
            for minted in self.minted
            for bootid, sequences in minted.sequences.items()
            for sequence in sequences
        }

    @property
    def waiting(self) -> int:
        """Events without a receipt."""
        return sum(publisher.stats().depth for publisher in self.publishers)

    def drain(self, timeout_s: float) -> int:
        """Wait until every spool is empty; returns how many events still have no receipt."""
        deadline = time.monotonic() + timeout_s
        for publisher in self.publishers:
            publisher.flush(max(0.0, deadline - time.monotonic()))
        return self.waiting

    def _run(self) -> None:
        began, count = time.monotonic(), 0
        try:
            while not self._stop.wait(0.02):
                due = int((time.monotonic() - began) * self.rate)
                # After a stall, no burst beyond a second's worth.
                count = max(count, due - int(self.rate))
                while count < due:
                    number = count % self.devices
                    event = self.publishers[number].publish(payload(self._rng))
                    self.minted[number].note(event)
                    count += 1
        except BaseException as error:
            self.fault = error


def await_more(load: Load, more: int) -> None:
    """Wait until the load has minted more."""
    wanted = load.count + more
    eventually(lambda: load.count >= wanted, f"{more} more events")


def events_of(path: DevicePath, bootid: UUID, count: int, seed: int = 1) -> list[NumberedEvent]:
    """Events of one boot as a device would number them, without a spool."""
    rng = random.Random(seed)
    events: list[NumberedEvent] = []
    for sequence in range(count):
        now = utc_now()
        data = payload(rng)
        event = EVENT_OF_PAYLOAD[type(data)](  # type: ignore[call-arg]
            specversion="1.0",
            id=uuid7(now),
            source=path.source,
            time=now.replace(microsecond=now.microsecond // 1000 * 1000),
            bootid=bootid,
            sequence=sequence,
            data=data,
        )
        events.append(cast(NumberedEvent, event))
    return events

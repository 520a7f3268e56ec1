"""Virtual devices that publish for real: each with its own spool, boot and MQTT connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zlib import crc32

from edge.publisher import Publisher
from ioc.clock import Clock, utc_now
from ioc.events import NumberedEvent, type_of
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import Site
from ioc.telemetry import logger
from ioc.topics import DevicePath
from simulator.devices.behaviour import (
    FAULTS_PER_DAY,
    Behaviour,
    CameraBehaviour,
    SensorBehaviour,
    SignalBehaviour,
)
from simulator.devices.indicators import ADAPTER, IndicatorBehaviour
from simulator.sensors.climate import Climate

TICK_S = 0.1


@dataclass
class Minted:
    """What a device has said: the truth that the database is held against.

    Attributes:
        sequences: Every number it gave out, by boot.
        kinds: How many of each event type.
    """

    sequences: dict[UUID, set[int]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def note(self, event: NumberedEvent) -> None:
        """Note an event that was minted."""
        self.sequences.setdefault(event.bootid, set()).add(event.sequence)
        kind = type_of(event)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    @property
    def count(self) -> int:
        """Events minted."""
        return sum(map(len, self.sequences.values()))


@dataclass
class VirtualDevice:
    """One device: what it says, and through what."""

    path: DevicePath
    kind: str
    behaviour: Behaviour
    publisher: Publisher
    minted: Minted = field(default_factory=Minted)

    def tick(self, now: datetime) -> None:
        """Publish what is due."""
        for at, payload in self.behaviour.due(now):
            self.minted.note(self.publisher.publish(payload, time=at))


MqttOf = Callable[[DevicePath], MqttSettings]
"""Which broker address a device uses: one may go through a relay that can be cut."""


def devices_of(
    sites: Sequence[Site],
    mqtt: MqttOf,
    edge: EdgeSettings,
    start: datetime,
    *,
    seed: int = 1,
    speed: float = 1.0,
    faults_per_day: float = FAULTS_PER_DAY,
) -> list[VirtualDevice]:
    """The virtual devices of some sites, not started; in the capital the LGSP adapter, too.

    Args:
        sites: Whose cameras, signals and sensors.
        mqtt: Broker of each.
        edge: Spool and waits.
        start: When they were switched on.
        seed: Makes another world.
        speed: Sensors and signals are so many times quicker than their site file says.
        faults_per_day: Of each sensor.
    """
    return [
        VirtualDevice(path, kind, behaviour, Publisher(path, mqtt(path), edge))
        for path, kind, behaviour in behaviours_of(
            sites, start, seed=seed, speed=speed, faults_per_day=faults_per_day
        )
    ]


def behaviours_of(
    sites: Sequence[Site],
    start: datetime,
    *,
    seed: int = 1,
    speed: float = 1.0,
    faults_per_day: float = FAULTS_PER_DAY,
) -> Iterator[tuple[DevicePath, str, Behaviour]]:
    """What the devices of some sites say: path, kind and behaviour of each.

    In the capital the LGSP adapter of the province speaks, too.

    Args:
        sites: Whose cameras, signals and sensors.
        start: When they were switched on.
        seed: Makes another world.
        speed: Sensors and signals are so many times quicker than their site file says.
        faults_per_day: Of each sensor.
    """

    def own(site: Site, device: str) -> int:
        """A seed of its own: two sites have a ``cam-1`` each, which must see different traffic."""
        return crc32(f"{site.path(device).key}/{seed}".encode())

    for site in sites:
        climate = Climate(crc32(f"{site.city}/{site.site}/{seed}".encode()))
        for camera in site.cameras:
            behaviour = CameraBehaviour(camera, start, own(site, camera.id))
            yield site.path(camera.id), "camera", behaviour
        for signal in site.signals:
            yield site.path(signal.id), "signal", SignalBehaviour(signal, start, speed)
        for sensor in site.sensors:
            measured = SensorBehaviour(
                sensor, start, own(site, sensor.id), speed, climate, faults_per_day
            )
            yield site.path(sensor.id), "sensor", measured
    if ADAPTER.city in {site.city for site in sites}:
        own_seed = crc32(f"{ADAPTER.key}/{seed}".encode())
        yield ADAPTER, "lgsp", IndicatorBehaviour(start, own_seed, speed)


class Fleet:
    """Devices that run in one thread.

    Args:
        devices: Which.
        clock: Gives the present instant.
    """

    def __init__(self, devices: Sequence[VirtualDevice], *, clock: Clock = utc_now) -> None:
        self.devices = list(devices)
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._failed: set[DevicePath] = set()
        self._log = logger("simulator.traffic.models")

    def start(self) -> None:
        """Switch all devices on."""
        for device in self.devices:
            device.publisher.start()
        self._thread.start()

    @property
    def failed(self) -> frozenset[DevicePath]:
        """Devices that broke and say no more."""
        return frozenset(self._failed)

    def silence(self) -> None:
        """Stop saying new things; what is in the spools still goes out."""
        self._stop.set()
        self._thread.join()

    def drain(self, timeout_s: float) -> int:
        """Wait until every spool is empty.

        Returns:
            Events that still have no receipt.
        """
        deadline = self._clock().timestamp() + timeout_s
        for device in self.devices:
            device.publisher.flush(max(0.0, deadline - self._clock().timestamp()))
        return sum(device.publisher.stats().depth for device in self.devices)

    def stop(self) -> None:
        """Switch all devices off."""
        if not self._stop.is_set():
            self.silence()
        threads = [
            threading.Thread(target=device.publisher.stop, kwargs={"timeout_s": 2})
            for device in self.devices
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            now = self._clock()
            for device in self.devices:
                if device.path in self._failed:
                    continue
                try:
                    device.tick(now)
                except Exception:
                    # It says no more, but what it has said stays in the account.
                    self._failed.add(device.path)
                    self._log.exception("a virtual device failed", device=device.path.key)

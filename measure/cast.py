"""Who speaks in the demo beside its camera nodes: virtual devices, none of which flags anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from edge.publisher import Publisher
from ioc.events import HealthData, Payload, SignalEvent
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import Site
from ioc.topics import DevicePath
from simulator.devices.behaviour import (
    HEALTH_PERIOD,
    Behaviour,
    CameraBehaviour,
    Every,
    SignalBehaviour,
)
from simulator.devices.fleet import VirtualDevice, behaviours_of

SENSOR_SPEED: Final = 30.0
"""Sensors of the demo are so much quicker than real ones, so that it is lively."""


class PlayedSignals:
    """A signal controller that says what the lights of a clip show, and nothing after its end.

    Args:
        changes: Its events, with the times at which they are due, oldest first.
        start: When it was switched on.
    """

    def __init__(self, changes: Sequence[SignalEvent], start: datetime) -> None:
        self._changes = sorted(changes, key=lambda event: event.time)
        self._start = start
        self._said = 0
        self._health = Every(HEALTH_PERIOD, start)

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """Changes of light and health up to now."""
        while self._said < len(self._changes) and self._changes[self._said].time <= now:
            event = self._changes[self._said]
            self._said += 1
            yield event.time, event.data
        for at in self._health.passed(now):
            yield at, HealthData(uptime_s=(at - self._start) / timedelta(seconds=1))


def cast_of(
    sites: Sequence[Site],
    real: Sequence[DevicePath],
    played: Mapping[DevicePath, Sequence[SignalEvent]],
    mqtt: MqttSettings,
    edge: EdgeSettings,
    start: datetime,
    seed: int = 1,
) -> list[VirtualDevice]:
    """The virtual devices of the demo, not started.

    Args:
        sites: Whose devices.
        real: Cameras that a node runs; no virtual one stands for them.
        played: Controllers that say what a clip shows: their events.
        mqtt: The broker.
        edge: Spool and waits.
        start: When they were switched on.
        seed: Makes another world.
    """
    cameras = {site.path(camera.id): camera for site in sites for camera in site.cameras}
    signals = {site.path(signal.id): signal for site in sites for signal in site.signals}
    cast = []
    for path, kind, behaviour in behaviours_of(sites, start, seed=seed, speed=SENSOR_SPEED):
        if path in real:
            continue
        mine: Behaviour = behaviour
        if path in cameras:
            # It counts what goes by; violations come from pictures alone.
            own = crc32(f"{path.key}/{seed}".encode())
            mine = CameraBehaviour(cameras[path], start, own, violations_per_hour=0)
        elif path in played:
            mine = PlayedSignals(played[path], start)
        elif path in signals:
            mine = SignalBehaviour(signals[path], start)
        cast.append(VirtualDevice(path, kind, mine, Publisher(path, mqtt, edge)))
    return cast

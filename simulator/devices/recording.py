"""Events of virtual devices without a broker: for files, and for who reads standard input.

Pure: the same sites, start, seed and length give the same bytes. Identifiers are derived from
the device and its number, where a real device draws them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ioc.events import EVENT_OF_PAYLOAD, NumberedEvent
from ioc.ids import derived_uuid7
from ioc.site import Site
from simulator.devices.behaviour import FAULTS_PER_DAY
from simulator.devices.fleet import behaviours_of

STEP: Final = timedelta(seconds=1)
"""Devices are asked in steps of this, however fast time goes by, so that pace changes nothing."""


def recorded(
    sites: Sequence[Site],
    start: datetime,
    *,
    seed: int = 1,
    speed: float = 1.0,
    faults_per_day: float = FAULTS_PER_DAY,
) -> Iterator[tuple[datetime, list[NumberedEvent]]]:
    """What the devices say in each step, without an end.

    Args:
        sites: Whose devices.
        start: When they were switched on, timezone-aware.
        seed: Makes another world.
        speed: Sensors and signals are so many times quicker than their site file says.
        faults_per_day: Of each sensor.

    Yields:
        The end of the step and its events, oldest first.
    """
    start = start.astimezone(UTC)
    devices = [
        (path, derived_uuid7(start, path.key, "boot", str(seed)), behaviour)
        for path, _, behaviour in behaviours_of(
            sites, start, seed=seed, speed=speed, faults_per_day=faults_per_day
        )
    ]
    sequences = [0] * len(devices)
    now = start
    while True:
        now += STEP
        events: list[NumberedEvent] = []
        for number, (path, bootid, behaviour) in enumerate(devices):
            for at, data in behaviour.due(now):
                sequence = sequences[number]
                sequences[number] += 1
                instant = at.replace(microsecond=at.microsecond // 1000 * 1000)
                events.append(
                    EVENT_OF_PAYLOAD[type(data)](
                        specversion="1.0",
                        id=derived_uuid7(instant, path.key, str(seed), str(sequence)),
                        source=path.source,
                        time=instant,
                        bootid=bootid,
                        sequence=sequence,
                        data=data,  # type: ignore[call-arg]
                    )  # type: ignore[arg-type]
                )
        events.sort(key=lambda event: event.time)
        yield now, events

"""What virtual devices say and when: pure, from the time and a seed.

A behaviour is asked again and again what is due by now. Nothing here waits, connects or draws: the
same seed and the same instants give the same payloads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle
from typing import Final, Protocol

from ioc.camera import Camera, Lane
from ioc.clock import VIETNAM
from ioc.events import (
    ClockRef,
    FlowData,
    FrameWindow,
    HealthData,
    ModelRef,
    Payload,
    Phase,
    Plate,
    ReadingData,
    Rule,
    SignalData,
    SignalRef,
    VehicleClass,
    ViolationData,
)
from ioc.site import Sensor, Signal
from simulator.sensors.climate import Climate
from simulator.sensors.faults import SeededFaults
from simulator.sensors.sensor import VirtualSensor

HEALTH_PERIOD: Final = timedelta(seconds=10)
FAULTS_PER_DAY: Final = 2.0
"""A sensor beside a street is wrong for a while about so often."""

MIX: Final[dict[VehicleClass, float]] = {
    "motorcycle": 0.80,
    "car": 0.11,
    "truck": 0.03,
    "bus": 0.01,
    "bicycle": 0.03,
    "three_wheeler": 0.02,
}
"""Shares of classes in the traffic of a delta town: mostly motorcycles."""

CYCLE: Final[tuple[tuple[Phase, float], ...]] = (("green", 27.0), ("yellow", 3.0), ("red", 30.0))

_SHA256 = "0" * 64
_MODEL = ModelRef(name="simulated", sha256=_SHA256)


class Behaviour(Protocol):
    """What a device says over time."""

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """What became due since the last call, with its event time; each kind oldest first."""


class Every:
    """The instants of a fixed period that have passed.

    Args:
        period: Time between two instants.
        start: Before the first.
        limit: Most instants given at once; older ones are skipped, as a stalled device would.
    """

    def __init__(self, period: timedelta, start: datetime, limit: int = 100) -> None:
        self._period = period
        self._next = start + period
        self._limit = limit

    def passed(self, now: datetime) -> Iterator[datetime]:
        """The instants up to now that were not given yet."""
        behind = (now - self._next) // self._period
        if behind > self._limit:
            self._next += self._period * (behind - self._limit)
        while self._next <= now:
            yield self._next
            self._next += self._period


class CameraBehaviour:
    """A camera: flow of each lane every period, now and then a violation, its health.

    Args:
        camera: Its lanes, period and rules.
        start: When it was switched on.
        seed: What makes it differ from others.
        violations_per_hour: How many of the vehicles break a rule.
    """

    def __init__(
        self, camera: Camera, start: datetime, seed: int, violations_per_hour: float = 240.0
    ) -> None:
        self._camera = camera
        self._start = start
        self._rng = random.Random(f"camera/{camera.id}/{seed}")
        self._flow = Every(timedelta(seconds=camera.flow_period_s), start)
        self._health = Every(HEALTH_PERIOD, start)
        self._moment = Every(timedelta(seconds=1), start)
        self._chance = violations_per_hour / 3600
        self._track = 0

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """Flows, violations and health up to now."""
        for at in self._flow.passed(now):
            for lane in self._camera.lanes:
                yield at, self._flow_of(lane, at)
        for at in self._moment.passed(now):
            if self._rng.random() < self._chance:
                yield at, self._violation(at)
        for at in self._health.passed(now):
            yield at, self._health_at(at)

    def _flow_of(self, lane: Lane, at: datetime) -> FlowData:
        rush = _rush_hour(at)
        period = self._camera.flow_period_s
        expected = lane.capacity_per_hour * period / 3600 * (0.25 + 0.6 * rush)
        counts: dict[VehicleClass, int] = {}
        total = 0
        for name, share in MIX.items():
            if lane.vehicles and name not in lane.vehicles:
                continue
            count = _poisson(self._rng, expected * share)
            total += count
            if count:
                counts[name] = count
        speed = lane.free_speed_kmh * max(0.2, 1.0 - 0.6 * rush + self._rng.gauss(0, 0.06))
        return FlowData(
            lane=lane.id,
            period_s=period,
            counts=counts,
            speed_kmh=round(speed, 1) if total else None,
            occupancy=round(min(1.0, 0.03 + 0.18 * rush + abs(self._rng.gauss(0, 0.02))), 3),
            queue_m=round(max(0.0, 6 + 25 * rush + self._rng.gauss(0, 4)), 1),
        )

    def _violation(self, at: datetime) -> ViolationData:
        rng = self._rng
        self._track += 1
        rules: list[Rule] = [item.rule for item in self._camera.rules] or ["wrong_way"]
        rule = rng.choice(rules)
        vehicle: VehicleClass = rng.choices(list(MIX), list(MIX.values()))[0]
        act = at - timedelta(milliseconds=rng.randrange(200, 900))
        lane = rng.choice(self._camera.lanes).id if self._camera.lanes else None
        frame = int((act - self._start).total_seconds() * 10)
        red = rule in ("red_light", "stop_line")
        return ViolationData(
            rule=rule,
            track=self._track,
            vehicle=vehicle,
            act_time=act,
            confidence=round(rng.uniform(0.72, 0.99), 3),
            model=_MODEL,
            clock=ClockRef(source="ntp", offset_ms=round(rng.gauss(0, 4), 1)),
            frames=FrameWindow(first=max(0, frame - 12), last=max(0, frame) + 12),
            lane=lane,
            plate=Plate(text=_plate(rng), confidence=round(rng.uniform(0.6, 0.99), 3)),
            signal=SignalRef(head="head-1", phase="red", since=act - timedelta(seconds=4))
            if red
            else None,
            reasons=("simulated",),
        )

    def _health_at(self, at: datetime) -> HealthData:
        return HealthData(
            uptime_s=(at - self._start).total_seconds(),
            fps=round(self._rng.gauss(10, 0.2), 2),
            dropped_frames=0,
            stalls=0,
            latency_ms=round(abs(self._rng.gauss(45, 6)), 1),
            clock=ClockRef(source="ntp", offset_ms=round(self._rng.gauss(0, 4), 1)),
        )


class SignalBehaviour:
    """A traffic-light controller: its heads in turns through green, yellow and red."""

    def __init__(self, signal: Signal, start: datetime, speed: float = 1.0) -> None:
        self._start = start
        self._health = Every(HEALTH_PERIOD, start)
        self._heads: list[tuple[str, Iterator[tuple[Phase, float]], datetime]] = []
        for number, head in enumerate(signal.heads):
            phases = cycle(CYCLE if number % 2 == 0 else (CYCLE[2], *CYCLE[:2]))
            self._heads.append((head, phases, start))
        self._speed = speed

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """Phase changes and health up to now."""
        for number, (head, phases, change) in enumerate(self._heads):
            at = change
            while at <= now:
                phase, seconds = next(phases)
                yield at, SignalData(head=head, phase=phase, since=at)
                at += timedelta(seconds=seconds / self._speed)
            self._heads[number] = (head, phases, at)
        for at in self._health.passed(now):
            yield at, HealthData(uptime_s=(at - self._start).total_seconds())


class SensorBehaviour:
    """A sensor: a reading every period, its health less often.

    Args:
        sensor: Quantity and period.
        start: When it was switched on.
        seed: What makes it differ from others.
        speed: Readings come so many times more often than the site file says.
        climate: Water and air of the site, which its sensors share; left out, one of its own.
        faults_per_day: So many times a day it is wrong for a while, from 0 to 115.
    """

    def __init__(
        self,
        sensor: Sensor,
        start: datetime,
        seed: int,
        speed: float = 1.0,
        climate: Climate | None = None,
        faults_per_day: float = FAULTS_PER_DAY,
    ) -> None:
        self._sensor = sensor
        self._start = start
        period_s = sensor.period_s / speed
        self.virtual = VirtualSensor(
            sensor.quantity,
            seed,
            climate=climate,
            faults=SeededFaults(seed, faults_per_day),
            period_s=period_s,
            alert_at=None if sensor.alert is None else sensor.alert.raise_at,
        )
        self._reading = Every(timedelta(seconds=period_s), start)
        self._health = Every(HEALTH_PERIOD, start)

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """Readings and health up to now."""
        for at in self._reading.passed(now):
            sample = self.virtual.sample(at)
            if sample.value is None:
                continue
            data = ReadingData(
                quantity=self._sensor.quantity,
                value=sample.value,
                unit=self._sensor.unit,
                quality=sample.quality,
            )
            yield sample.at, data
        for at in self._health.passed(now):
            yield at, HealthData(uptime_s=(at - self._start).total_seconds())


def _rush_hour(at: datetime) -> float:
    """How much of the rush there is at an instant, 0 to 1: peaks at 7:00 and 17:00 local time."""
    local = at.astimezone(VIETNAM)
    hour = local.hour + local.minute / 60
    return max(math.exp(-(((hour - peak) / 1.6) ** 2)) for peak in (7.0, 17.0))


def _poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number (Knuth, The Art of Computer Programming 2, 3.4.1), for means below 50."""
    limit = math.exp(-min(mean, 50.0))
    count, product = 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def _plate(rng: random.Random) -> str:
    """A plate as motorcycles carry it in Hậu Giang (code 95) and Cần Thơ (65)."""
    letter = rng.choice("ABCDEFGHKLMNPSTUVXYZ")
    series = f"{rng.choice((95, 65))}-{letter}{rng.randrange(1, 10)}"
    return f"{series} {rng.randrange(100, 1000)}.{rng.randrange(100):02d}"

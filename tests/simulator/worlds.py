"""Hand-made worlds: a few road users on straight ways, for which the right answer is plain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase, VehicleClass
from simulator.conditions import Conditions
from simulator.place import Place
from simulator.world import PHASES, RATE, Body, PlateSign, World

SIZES: dict[VehicleClass, tuple[float, float, float]] = {
    "motorcycle": (1.9, 0.75, 1.65),
    "car": (4.4, 1.75, 1.5),
    "truck": (7.0, 2.3, 2.9),
    "bus": (10.0, 2.5, 3.1),
}


def body(number: int, kind: VehicleClass = "car", helmets: tuple[bool, ...] = ()) -> Body:
    """A road user whose wheels stand 0.5 m from its ends."""
    length, width, height = SIZES[kind]
    plate = PlateSign(("95A", f"123.{number:02d}"), f"95A-123.{number:02d}")
    if kind == "motorcycle":
        helmets = helmets or (True,)
    return Body(
        number, kind, length, width, height, 0.5, 0.5, (40, 60, 160), plate, helmets, number
    )  # fmt: skip


@dataclass
class Ride:
    """A road user's way: where its middle is at each instant; not there where it gives None."""

    kind: VehicleClass
    at: Callable[[float], tuple[float, float] | None]
    heading: float
    helmets: tuple[bool, ...] = ()


@dataclass
class Timetable:
    """Distance along a way over time, by speeds that hold from an instant on."""

    start: float
    speeds: Sequence[tuple[float, float]]
    points: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self, at_s: float) -> float:
        gone = self.start
        for number, (from_s, speed) in enumerate(self.speeds):
            until = self.speeds[number + 1][0] if number + 1 < len(self.speeds) else np.inf
            gone += speed * max(0.0, min(at_s, until) - from_s)
        return gone


def north(
    x: float, start: float, *speeds: tuple[float, float]
) -> Callable[..., tuple[float, float]]:
    """Northwards at ``x``: middle at ``start`` at 0 s, then at m/s from the given instants on."""
    table = Timetable(start, speeds)
    return lambda at_s: (x, table(at_s))


def east(
    y: float, start: float, *speeds: tuple[float, float]
) -> Callable[..., tuple[float, float]]:
    """Eastwards at ``y``."""
    table = Timetable(start, speeds)
    return lambda at_s: (table(at_s), y)


def world(
    place: Place,
    rides: Sequence[Ride],
    seconds: float = 20.0,
    changes: Sequence[tuple[str, float, Phase]] = (),
) -> World:
    """The world in which these rides happen."""
    steps = round(seconds * RATE)
    times = np.arange(steps) / RATE
    x, y = np.full((steps, len(rides)), np.nan), np.full((steps, len(rides)), np.nan)
    for column, ride in enumerate(rides):
        for step, at_s in enumerate(times.tolist()):
            there = ride.at(at_s)
            if there is not None:
                x[step, column], y[step, column] = there
    present = np.isfinite(x)
    speed = np.zeros_like(x)
    moved = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)) * RATE
    speed[:-1] = np.nan_to_num(moved)
    heads = tuple(head.id for head in place.heads)
    return World(
        place=place.id,
        seed=1,
        conditions=Conditions(),
        rate=RATE,
        bodies=tuple(body(number, ride.kind, ride.helmets) for number, ride in enumerate(rides)),
        present=present,
        x=x,
        y=y,
        heading=np.tile(np.array([ride.heading for ride in rides]), (steps, 1)),
        speed=speed,
        braking=np.zeros_like(present),
        heads=heads,
        phases=_phases(heads, changes, times),
        changes=tuple(changes),
        intents=(),
    )


def _phases(
    heads: Sequence[str], changes: Sequence[tuple[str, float, Phase]], times: NDArray[np.float64]
) -> NDArray[np.int8]:
    phases = np.zeros((len(times), len(heads)), np.int8)
    for head, at_s, phase in sorted(changes, key=lambda change: change[1]):
        phases[times >= at_s, heads.index(head)] = PHASES.index(phase)
    return phases

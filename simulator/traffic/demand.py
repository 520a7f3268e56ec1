"""Who sets out when, from where, to where: the law-abiding traffic of a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ioc.events import Rule
from simulator.conditions import Density
from simulator.place import Place, Roadway
from simulator.traffic.models import Fleet, Model, pick
from simulator.traffic.net_build import links_of

WARM_UP_S: Final = 60.0
"""Traffic runs so long before the clip: a crossing of the world takes 25 s, a cycle 46 s."""

PER_HOUR: Final[dict[Density, float]] = {"sparse": 240.0, "normal": 520.0, "dense": 980.0}
"""Vehicles an hour and driving lane on streets with a limit of 50; a fourth of it on others.

A lane takes about 1,800 cars an hour of green, and a motorcycle takes a third of a car's room: with
43 % of green a dense approach of Vị Thanh is beyond what can leave it, so its queue grows."""

SIDE_STREET: Final = 0.25
FREE: Final = 1.9
"""Without signals a street carries so many times more."""
TURNS: Final[dict[str, float]] = {"straight": 0.66, "left": 0.15, "right": 0.19}
BRISK: Final = 0.03
BRISK_SHARE: Final = 0.25
"""A fourth drive as fast as the law lets them: 46 to 48 km/h where 50 are allowed."""
SLOW_MPS: Final = 20.0
"""Whose most speed is below this keeps to the outermost lane."""
LEAST_GAP_S: Final = 1.1
"""Between two departures in the same lane."""


@dataclass(slots=True)
class Departure:
    """A vehicle that sets out.

    Attributes:
        time_s: When, from the clip's start; negative in the warm-up.
        model: Its make.
        origin: Inbound roadway.
        target: Outbound roadway.
        lane: Number of its strip from the axis.
        factor: Speed that it wants, as a share of the limit.
        role: The rule that it is to break, or None.
        type_suffix: Variant of the make's type in SUMO.
        stop: Where it stops: roadway, lane from the axis, distance of its front along the roadway,
            and for how long, seconds.
        marks: Further parameters of the vehicle in SUMO.
    """

    time_s: float
    model: Model
    origin: Roadway
    target: Roadway
    lane: int
    factor: float
    role: Rule | None = None
    type_suffix: str = ""
    stop: tuple[Roadway, int, float, float] | None = None
    marks: dict[str, str] = field(default_factory=dict)


def departures(
    place: Place,
    rng: np.random.Generator,
    seconds: float,
    density: Density,
    fleet: Fleet = "town",
) -> list[Departure]:
    """The law-abiding traffic, by time: Poisson on every lane with a least gap."""
    found: list[Departure] = []
    links = [link for link in links_of(place) if not link.forbidden]
    for road in place.roadways:
        if not road.inbound:
            continue
        ways = [
            link for link in links if link.origin is road and not _on_shoulder(road, link.leave)
        ]
        rate = PER_HOUR[density] / 3600 * (1.0 if road.limit_kmh > 30 else SIDE_STREET)
        rate *= 1.0 if place.heads else FREE
        outer = max(n for n, strip in enumerate(road.strips) if not strip.shoulder)
        for lane, strip in enumerate(road.strips):
            if strip.shoulder:
                continue
            weights = np.array([TURNS[w.turn] if w.leave == lane else 0.0 for w in ways])
            if not weights.sum():
                continue
            time_s = -WARM_UP_S + float(rng.exponential(1 / rate))
            while time_s < seconds:
                model = pick(rng, strip.vehicles, fleet)
                if model.top_mps < SLOW_MPS and lane != outer:
                    model = pick(rng, ("motorcycle",))
                options = weights.copy()
                if model.kind in ("truck", "bus"):
                    # Neither large vehicles in the side streets nor those that may not enter.
                    small = np.array([w.target.limit_kmh <= 30 for w in ways])
                    options[small] = 0
                if options.sum():
                    way = ways[int(rng.choice(len(ways), p=options / options.sum()))]
                    factor = float(rng.uniform(*_speeds(model, rng)))
                    found.append(Departure(time_s, model, road, way.target, lane, factor))
                time_s += LEAST_GAP_S + float(rng.exponential(1 / rate))
    return sorted(found, key=lambda one: one.time_s)


def _speeds(model: Model, rng: np.random.Generator) -> tuple[float, float]:
    """Bounds of the speed that a driver wants, as shares of the limit."""
    most = model.speeds[1]
    return (most - BRISK, most) if rng.random() < BRISK_SHARE else model.speeds


def _on_shoulder(road: Roadway, lane: int) -> bool:
    return road.strips[lane].shoulder

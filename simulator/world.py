"""What happens at a place during a clip: every road user at every instant, and the signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase, Rule, VehicleClass
from simulator.conditions import Conditions

RATE: Final = 12.5
"""Steps and frames a second: half of a European camera's 25, as many recorders store."""

PHASES: Final[tuple[Phase, ...]] = ("unknown", "green", "yellow", "red")
"""``World.phases`` holds places in this tuple."""


@dataclass(frozen=True, slots=True)
class PlateSign:
    """A number plate.

    Attributes:
        lines: One or two lines of text as painted, such as ``("95-B1", "123.45")``.
        text: The registration as events carry it.
        colour: Its background: private, commercial or state vehicles.
    """

    lines: tuple[str, ...]
    text: str
    colour: Literal["white", "yellow", "blue"] = "white"


@dataclass(frozen=True, slots=True)
class Body:
    """One road user, as it stays through a clip.

    Attributes:
        id: Number, unique in the clip; its place in the arrays of ``World``.
        kind: Class.
        length: Metres.
        width: Metres.
        height: Metres, with riders.
        rear_axle: How far ahead of its rear end the last wheels stand, metres.
        front_axle: How far behind its front end the first wheels stand, metres.
        colour: Paint as blue, green, red.
        plate: Its number plate at the rear (and at the front of what has four wheels); None for
            those without.
        helmets: For each rider, driver first, whether the head wears a helmet; empty for what has
            a cabin, and for people on foot.
        look: Chooses among the shapes and clothes of its class.
    """

    id: int
    kind: VehicleClass
    length: float
    width: float
    height: float
    rear_axle: float
    front_axle: float
    colour: tuple[int, int, int]
    plate: PlateSign | None
    helmets: tuple[bool, ...]
    look: int


@dataclass(frozen=True, slots=True)
class Intent:
    """An act that was planned: which road user breaks which rule."""

    rule: Rule
    body: int


@dataclass(frozen=True, slots=True)
class World:
    """All that happens in a clip of T steps with N road users and H signal heads.

    Attributes:
        place: City and site.
        seed: What it was made from.
        conditions: Light, weather, traffic.
        rate: Steps a second.
        bodies: The road users; ``bodies[i].id == i``.
        present: Whether one is there, bool [T, N].
        x: Middle of its footprint, metres, float64 [T, N]; NaN while it is not there.
        y: The same.
        heading: Radians counter-clockwise from east, [T, N].
        speed: Metres a second, [T, N].
        braking: Whether its brake lights burn, bool [T, N].
        heads: The signal heads.
        phases: Places in ``PHASES``, int8 [T, H].
        changes: For each change of a light: head, seconds from the clip's start (exact, not
            rounded to a step; negative for what held before the clip), and what it shows then.
        intents: The acts that were planned.
    """

    place: str
    seed: int
    conditions: Conditions
    rate: float
    bodies: tuple[Body, ...]
    present: NDArray[np.bool_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    speed: NDArray[np.float64]
    braking: NDArray[np.bool_]
    heads: tuple[str, ...]
    phases: NDArray[np.int8]
    changes: tuple[tuple[str, float, Phase], ...]
    intents: tuple[Intent, ...]

    @property
    def steps(self) -> int:
        """T."""
        return len(self.present)

    def point(self, behind_front_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """A point on each road user's middle line at every step, [T, N, 2].

        Args:
            behind_front_m: How far behind its front end, metres [N].
        """
        half = np.array([body.length / 2 for body in self.bodies])
        ahead = half - behind_front_m
        return np.stack(
            [self.x + np.cos(self.heading) * ahead, self.y + np.sin(self.heading) * ahead], axis=-1
        )

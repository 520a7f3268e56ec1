"""What a virtual place is: streets, paint, signals, cameras and what stands around, in metres.

A street's roadway runs one way. Its strips (lanes) lie side by side to the right of its axis, the
left edge that divides it from the traffic the other way; the last strip is at the kerb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ioc.camera import Label, Turning
from ioc.events import Phase, Rule, VehicleClass
from simulator.camera import Lens

Point = tuple[float, float]
Outline = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """One lane of a roadway.

    Attributes:
        id: Name, unique in the place; the site file's lane has the same.
        width: Metres.
        name: As people read it.
        vehicles: Classes that the law permits here; empty is all.
        shoulder: Beside the driving lanes: nobody drives here but who breaks a rule.
        turns: Where traffic in it may go on to, by the name of the roadway; empty is anywhere.
    """

    id: str
    width: float
    name: Label
    vehicles: tuple[VehicleClass, ...] = ()
    shoulder: bool = False
    turns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roadway:
    """One direction of a street.

    Attributes:
        id: Name, unique in the place.
        start: Where its axis begins.
        end: Where it ends: at the stop line of the junction, or at the world's edge.
        strips: Lanes from the axis to the kerb, left to right.
        inbound: Whether it leads to the junction.
        limit_kmh: Speed limit.
        head: The signal head that governs its end, if any.
    """

    id: str
    start: Point
    end: Point
    strips: tuple[Strip, ...]
    inbound: bool
    limit_kmh: float
    head: str | None = None

    @property
    def along(self) -> NDArray[np.float64]:
        """Unit vector of the way it leads."""
        way = np.subtract(self.end, self.start)
        return np.asarray(way / np.hypot(*way))

    @property
    def length(self) -> float:
        """Metres."""
        return float(np.hypot(*np.subtract(self.end, self.start)))

    def offset(self, strip: str) -> tuple[float, float]:
        """How far to the right of the axis a strip begins and ends, metres."""
        left = 0.0
        for one in self.strips:
            if one.id == strip:
                return left, left + one.width
            left += one.width
        raise KeyError(strip)

    def at(self, distance: float, right: float) -> Point:
        """The point so far along and so far to the right of the axis."""
        ux, uy = self.along
        x, y = self.start
        return float(x + ux * distance + uy * right), float(y + uy * distance - ux * right)


@dataclass(frozen=True, slots=True)
class RoadLine:
    """A line across the road; see ``ioc.camera.Line``. ``direction`` is the way that counts."""

    id: str
    kind: Literal["count", "stop", "exit"]
    ends: tuple[Point, Point]
    direction: Point
    lane: str | None = None
    head: str | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """An area with a meaning; see ``ioc.camera.Zone``."""

    id: str
    kind: Literal["junction", "no_parking", "no_entry"]
    outline: Outline
    vehicles: tuple[VehicleClass, ...] = ()


@dataclass(frozen=True, slots=True)
class ForbiddenTurn:
    """A turn that may not be made; see ``ioc.camera.ForbiddenTurn``."""

    id: str
    lane: str
    exit: str
    kind: Turning
    vehicles: tuple[VehicleClass, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A signal head: a box with red on top, yellow, green.

    Attributes:
        id: Name.
        x: Middle of the box, metres.
        y: Middle of the box, metres.
        z: Middle of the box, metres above the road.
        facing: Where its lamps shine to, radians.
        width: Of the box, metres.
        height: Of the box, metres.
    """

    id: str
    x: float
    y: float
    z: float
    facing: float
    width: float = 0.36
    height: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the signal cycle.

    Attributes:
        seconds: How long it lasts.
        phases: What each head shows.
    """

    seconds: float
    phases: tuple[tuple[str, Phase], ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule at a camera, with its settings in metres and seconds.

    Attributes:
        rule: The rule.
        travel_m: Least travel; becomes ``min_travel_px`` at the middle of what the camera sees.
        duration_s: ``min_duration_s``.
        delay_s: ``delay_s``.
    """

    rule: Rule
    travel_m: float = 1.5
    duration_s: float = 0.4
    delay_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Mount:
    """A camera of a place.

    Attributes:
        id: Name in the site file.
        name: As people read it.
        lens: Where it hangs and how it sees.
        lanes: Strips that its site file draws.
        lines: Lines that it draws.
        areas: Areas that it draws.
        turns: Forbidden turns that it watches.
        heads: Signal heads whose lamps it sees.
        watches: Rules that it watches.
    """

    id: str
    name: Label
    lens: Lens
    lanes: tuple[str, ...]
    lines: tuple[str, ...]
    areas: tuple[str, ...]
    turns: tuple[str, ...]
    heads: tuple[str, ...]
    watches: tuple[Watch, ...]


@dataclass(frozen=True, slots=True)
class Building:
    """A house or wall beside the road: an outline on the ground, a height, a colour (B, G, R)."""

    outline: Outline
    height: float
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A virtual junction.

    Attributes:
        city: As in topics.
        site: As in topics.
        name: As people read it.
        roadways: Streets, one direction each.
        lines: Lines across the road.
        areas: Areas with a meaning.
        turns: Turns that may not be made.
        heads: Signal heads; empty where there is no signal.
        cycle: The signal cycle.
        mounts: Cameras.
        crosswalks: Zebra crossings: outline of each.
        sidewalks: Paved areas beside the road.
        canals: Water.
        buildings: Houses.
        trees: Where trees stand.
        lamps: Where street lamps stand; lit at night.
    """

    city: str
    site: str
    name: Label
    roadways: tuple[Roadway, ...]
    lines: tuple[RoadLine, ...]
    areas: tuple[Area, ...]
    turns: tuple[ForbiddenTurn, ...]
    heads: tuple[Head, ...]
    cycle: tuple[Stage, ...]
    mounts: tuple[Mount, ...]
    crosswalks: tuple[Outline, ...] = ()
    sidewalks: tuple[Outline, ...] = ()
    canals: tuple[Outline, ...] = ()
    buildings: tuple[Building, ...] = ()
    trees: tuple[Point, ...] = ()
    lamps: tuple[Point, ...] = ()

    @property
    def id(self) -> str:
        """City and site."""
        return f"{self.city}/{self.site}"

    def roadway(self, name: str) -> Roadway:
        """A roadway by its name."""
        return next(one for one in self.roadways if one.id == name)

    def roadway_of(self, strip: str) -> Roadway:
        """The roadway that a strip belongs to."""
        return next(r for r in self.roadways if any(s.id == strip for s in r.strips))

    def mount(self, name: str) -> Mount:
        """A camera by its name."""
        return next(one for one in self.mounts if one.id == name)

"""What a site file says of a camera: lanes, lines, zones, lamps, calibration, rules.

Pixel coordinates are those of the camera's stated frame size, x to the right, y down.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ioc.events import Rule, VehicleClass
from ioc.topics import SEGMENT

Id = Annotated[str, Field(pattern=f"^{SEGMENT}$", description="a-z, 0-9, '-' and '_'.")]
Pixel = tuple[float, float]
Polygon = Annotated[tuple[Pixel, ...], Field(min_length=3, max_length=64)]


def _two_ends(segment: tuple[Pixel, Pixel]) -> tuple[Pixel, Pixel]:
    if segment[0] == segment[1]:
        raise ValueError("both ends are the same point, so it has no direction")
    return segment


def _box(corners: tuple[Pixel, Pixel]) -> tuple[Pixel, Pixel]:
    (left, top), (right, bottom) = corners
    if not (left < right and top < bottom):
        raise ValueError("give the top left corner first, then the bottom right one")
    return corners


Box = Annotated[tuple[Pixel, Pixel], AfterValidator(_box)]
Segment = Annotated[tuple[Pixel, Pixel], AfterValidator(_two_ends)]


SpeedLimit = Annotated[float, Field(gt=0, le=200)]
Turning = Literal["left", "right", "straight", "u_turn"]


class Part(BaseModel):
    """A part of a site file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Label(Part):
    """A name as people read it."""

    vi: str = Field(min_length=1, description="Vietnamese, with full diacritics.")
    en: str = Field(min_length=1, description="English.")


class Position(Part):
    """A place on the earth, WGS 84."""

    latitude: float = Field(ge=-90, le=90, description="Degrees north.")
    longitude: float = Field(ge=-180, le=180, description="Degrees east.")


class FrameSize(Part):
    """Size of the pictures that the coordinates were drawn on."""

    width: int = Field(ge=16, le=16_384, description="Pixels.")
    height: int = Field(ge=16, le=16_384, description="Pixels.")


class Lane(Part):
    """One lane as a camera sees it."""

    id: Id
    name: Label | None = Field(None, description="Shown on the wall.")
    polygon: Polygon = Field(description="Outline in pixels.")
    direction: Segment = Field(description="An arrow along the permitted way, from → to.")
    vehicles: tuple[VehicleClass, ...] = Field((), description="Permitted classes; empty is all.")
    capacity_per_hour: float = Field(
        1800, gt=0, description="Vehicles an hour at saturation, for the level of congestion."
    )
    free_speed_kmh: float = Field(40, gt=0, le=200, description="Speed without congestion.")
    storage_m: float | None = Field(
        None, gt=0, description="Length up to the junction behind; a longer queue spills back."
    )
    speed_limit_kmh: float | None = Field(
        None, gt=0, le=200, description="Speed limit; without one no speeding is flagged here."
    )
    speed_limits_kmh: dict[VehicleClass, SpeedLimit] = Field(
        {}, description="Limits of single classes, which win over speed_limit_kmh."
    )


class Line(Part):
    """A line across the road."""

    id: Id
    kind: Literal["count", "stop", "exit"] = Field(
        "count", description="What a crossing means: counted, stopped at, or left the junction by."
    )
    ends: Segment = Field(description="Both ends in pixels.")
    lane: Id | None = Field(None, description="The lane it lies across.")
    head: Id | None = Field(None, description="The signal head that governs a stop line.")
    direction: Segment | None = Field(
        None, description="Only crossings along this arrow count; left out, both ways do."
    )


class Hours(Part):
    """A part of the day, local time; one that ends before it begins runs over midnight."""

    start: time = Field(description="Such as 06:00.")
    end: time = Field(description="Such as 09:00.")


class Zone(Part):
    """An area with a meaning."""

    id: Id
    kind: Literal["junction", "no_parking", "no_entry", "privacy"] = Field(description="Meaning.")
    polygon: Polygon = Field(description="Outline in pixels.")
    vehicles: tuple[VehicleClass, ...] = Field(
        (), description="Classes that a ban concerns; empty is all."
    )
    hours: tuple[Hours, ...] = Field((), description="When a ban holds; empty is always.")


class ForbiddenTurn(Part):
    """A turn that may not be made: out of a lane and over an exit line."""

    id: Id
    lane: Id = Field(description="The lane it begins in.")
    exit: Id = Field(description="The line of kind exit that it ends on.")
    kind: Turning = Field(description="How it is called.")
    vehicles: tuple[VehicleClass, ...] = Field(
        (), description="Classes that the ban concerns; empty is all."
    )
    hours: tuple[Hours, ...] = Field((), description="When the ban holds; empty is always.")


class Lamp(Part):
    """Where one signal head is seen in the picture, to read its light from the image."""

    head: Id = Field(description="The signal head.")
    box: Box = Field(description="Top left and bottom right of the lamp box, pixels.")
    order: tuple[Literal["red", "yellow", "green", "countdown", "arrow"], ...] = Field(
        ("red", "yellow", "green"),
        min_length=1,
        max_length=6,
        description="What the box holds from its top (or its left, when it lies), in equal parts. "
        "'arrow' and 'countdown' parts are never read as the round light.",
    )


class Tile(Part):
    """A part of the picture that the detector looks at on its own, closer than the whole."""

    box: Box = Field(description="Top left and bottom right, pixels.")
    every: int = Field(1, ge=1, le=100, description="Looked at in every so many frames.")


class GroundPoint(Part):
    """A surveyed point: where it is in the picture and on the ground."""

    image: Pixel = Field(description="Pixels.")
    ground: tuple[float, float] = Field(description="Metres east and north of the site's origin.")


class Calibration(Part):
    """How pixels become metres. Without one a camera measures no speed."""

    id: str = Field(min_length=1, max_length=100, description="Certificate or survey number.")
    expires: date = Field(description="Last day on which speeds from it may be used.")
    points: tuple[GroundPoint, ...] = Field(min_length=4, description="At least four.")


class RuleSettings(Part):
    """A rule that this camera watches."""

    rule: Rule = Field(description="Which one.")
    min_travel_px: float = Field(
        40, gt=0, description="Least distance travelled against the rule before it is flagged."
    )
    min_duration_s: float = Field(0.5, ge=0, description="Least time against the rule.")
    cooldown_s: float = Field(60, ge=0, description="One vehicle is flagged once in this time.")
    confirmations: int = Field(3, ge=1, description="Observations of a track before it counts.")
    delay_s: float = Field(
        0.5, ge=0, le=10, description="Grace after a light has changed, before an act counts."
    )
    least_score: float = Field(
        0.3, ge=0, le=1, description="Least mean confidence of the boxes that prove the act."
    )
    tolerance_kmh: float = Field(
        5, ge=0, le=50, description="Speed above the limit that is let pass."
    )
    congestion_vehicles: int = Field(
        0,
        ge=0,
        description="With at least so many other vehicles standing in the same lane or zone, "
        "standing is no violation; 0 switches the guard off.",
    )
    exempt: tuple[VehicleClass, ...] = Field((), description="Classes that are never flagged.")
    exempt_emergency: bool = Field(
        True, description="Vehicles that the model marks as on emergency duty are not flagged."
    )


class Camera(Part):
    """A camera and what it looks at."""

    id: Id
    name: Label
    source: str = Field(min_length=1, description="rtsp://…, a file, a device number or sim://…")
    frame: FrameSize
    position: Position | None = None
    heading_deg: float | None = Field(None, ge=0, lt=360, description="Clockwise from north.")
    lanes: tuple[Lane, ...] = ()
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    forbidden_turns: tuple[ForbiddenTurn, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    tiles: tuple[Tile, ...] = Field((), max_length=16, description="Beside the whole picture.")
    flatten: float = Field(
        1.0,
        ge=0.2,
        le=1,
        description="Pressed to this share of its height before the model sees it; for cameras "
        "that look straight down.",
    )
    calibration: Calibration | None = None
    stand: Literal["box", "wheels"] = Field(
        "box",
        description="What of a vehicle is its place on the road: a point low in the middle of its "
        "box, or its last wheels, worked out with the calibration.",
    )
    rules: tuple[RuleSettings, ...] = ()
    flow_period_s: float = Field(10, ge=1, le=60, description="Period of the flow counts.")

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        lanes = {lane.id for lane in self.lanes}
        for line in self.lines:
            if line.lane is not None and line.lane not in lanes:
                known = ", ".join(sorted(lanes)) or "none"
                raise ValueError(f"line {line.id!r} names lane {line.lane!r}; lanes are {known}")
        exits = {line.id for line in self.lines if line.kind == "exit"}
        for turn in self.forbidden_turns:
            for what, name, there in (("lane", turn.lane, lanes), ("exit", turn.exit, exits)):
                if name not in there:
                    raise ValueError(
                        f"forbidden turn {turn.id!r} names {what} {name!r}; known are "
                        f"{', '.join(sorted(there)) or 'none'}"
                    )
        if self.stand == "wheels" and self.calibration is None:
            raise ValueError("stand: wheels needs a calibration; make one with ioc edge calibrate")
        refuse_repeats("lamps", [lamp.head for lamp in self.lamps])
        for kind in ("lanes", "lines", "zones", "forbidden_turns"):
            refuse_repeats(kind, [part.id for part in getattr(self, kind)])
        refuse_repeats("rules", [settings.rule for settings in self.rules])
        for kind, x, y in self._pixels():
            if not (0 <= x <= self.frame.width and 0 <= y <= self.frame.height):
                raise ValueError(
                    f"{kind}: point [{x:g}, {y:g}] lies outside the frame of "
                    f"{self.frame.width}x{self.frame.height}"
                )
        return self

    def _pixels(self) -> list[tuple[str, float, float]]:
        found: list[tuple[str, float, float]] = []
        for lane in self.lanes:
            found += [(f"lane {lane.id}", x, y) for x, y in (*lane.polygon, *lane.direction)]
        for line in self.lines:
            found += [(f"line {line.id}", x, y) for x, y in line.ends]
        for zone in self.zones:
            found += [(f"zone {zone.id}", x, y) for x, y in zone.polygon]
        for lamp in self.lamps:
            found += [(f"lamp {lamp.head}", x, y) for x, y in lamp.box]
        for number, tile in enumerate(self.tiles):
            found += [(f"tile {number}", x, y) for x, y in tile.box]
        return found


def refuse_repeats(
    where: str, names: list[str] | tuple[str, ...], kind: type[Exception] = ValueError
) -> None:
    """Refuse names that stand there twice.

    Raises:
        ValueError: One does; or the ``kind`` of error that is wanted.
    """
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise kind(f"{where}: {', '.join(repeated)} stands there twice; names must differ")

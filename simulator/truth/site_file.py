"""The site file of a virtual place: what an installer would draw, worked out from its metres.

Everything in pixels is the projection of the place through the camera's own lens, so the node that
reads the file sees the road exactly where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np
import yaml
from numpy.typing import NDArray

from ioc.camera import (
    Calibration,
    Camera,
    ForbiddenTurn,
    FrameSize,
    GroundPoint,
    Label,
    Lamp,
    Lane,
    Line,
    Position,
    RuleSettings,
    Zone,
)
from ioc.errors import ConfigError
from ioc.site import Signal, Site
from simulator.place import Head, Mount, Place, Point, RoadLine, Watch
from simulator.truth.lane import lane_outline, middle_line
from simulator.truth.outline import length_px, polygon_seen, scale_px, segment_seen

Points = NDArray[np.float64]

CONTROLLER: Final = "signal-1"
"""The place's signal controller: all its heads hang on one."""

EXPIRES: Final = date(2099, 12, 31)
"""A camera that exists only as numbers is never knocked out of its place."""

SURVEY_M: Final = 50.0
"""Surveyed points lie no farther from the lens: beyond it a pixel is worth half a metre of road."""

_GRID: Final = (5, 11)
"""Surveyed points across and along the road; those outside the picture are left out."""

_SURVEY_EDGE: Final = 0.04
"""Surveyed points keep this share of the frame away from its edge, where the lens bends most."""

_WHERE: Final[Mapping[str, tuple[Label, str, Position]]] = {
    "vithanh/tran-hung-dao": (
        Label(vi="Vị Thanh", en="Vị Thanh"),
        "31321",
        Position(latitude=9.7842, longitude=105.4703),
    ),
    "ngabay/hung-vuong": (
        Label(vi="Ngã Bảy", en="Ngã Bảy"),
        "31340",
        Position(latitude=9.8163, longitude=105.8198),
    ),
}
"""City, code of the ward and position of each place, as in the real junctions' site files."""


def site_of(place: Place, sources: Mapping[str, str] | None = None) -> Site:
    """The site file of a place.

    Args:
        place: The place.
        sources: Where each camera's pictures come from, by its name; left out, ``sim://``.

    Raises:
        ConfigError: The place stands nowhere, or a camera does not see what it is to watch.
    """
    if place.id not in _WHERE:
        raise ConfigError(
            f"place {place.id!r} has no position; known places are {', '.join(_WHERE)}"
        )
    city_name, ward, position = _WHERE[place.id]
    known = sources or {}
    unknown = sorted(known.keys() - {mount.id for mount in place.mounts})
    if unknown:
        raise ConfigError(f"{place.id}: sources names cameras that it has not: {unknown}")
    signals: tuple[Signal, ...] = ()
    if place.heads:
        name = Label(vi=f"Tủ điều khiển đèn {place.name.vi}", en=f"{place.name.en} controller")
        heads = tuple(head.id for head in place.heads)
        signals = (Signal(id=CONTROLLER, name=name, heads=heads),)
    return Site(
        city=place.city,
        site=place.site,
        name=place.name,
        city_name=city_name,
        ward=ward,
        position=position,
        cameras=tuple(
            camera_of(place, mount, known.get(mount.id, f"sim://{place.site}/{mount.id}?seed=1"))
            for mount in place.mounts
        ),
        signals=signals,
    )


def site_yaml(place: Place, sources: Mapping[str, str] | None = None) -> str:
    """The site file of a place as text; see ``site_of``."""
    content = site_of(place, sources).model_dump(mode="json", exclude_defaults=True)
    head = f"# {place.name.vi}: a virtual place; its pixels are worked out from metres.\n"
    return head + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)


def camera_of(place: Place, mount: Mount, source: str) -> Camera:
    """One camera of a place as its site file describes it.

    Raises:
        ConfigError: It does not see what it is to watch.
    """
    lens = mount.lens
    measures = any(watch.rule == "speeding" for watch in mount.watches)
    return Camera(
        id=mount.id,
        name=mount.name,
        source=source,
        frame=FrameSize(width=lens.width, height=lens.height),
        heading_deg=round((90.0 - math.degrees(lens.heading)) % 360, 1),
        lanes=tuple(_lane(place, mount, name, measures) for name in mount.lanes),
        lines=tuple(_line(line, mount) for line in place.lines if line.id in mount.lines),
        zones=tuple(
            Zone(
                id=area.id,
                kind=area.kind,
                polygon=_corners(_must(polygon_seen(lens, area.outline), mount, area.id)),
                vehicles=area.vehicles,
            )
            for area in place.areas
            if area.id in mount.areas
        ),
        forbidden_turns=tuple(
            ForbiddenTurn(
                id=turn.id, lane=turn.lane, exit=turn.exit, kind=turn.kind, vehicles=turn.vehicles
            )
            for turn in place.turns
            if turn.id in mount.turns
        ),
        lamps=tuple(
            Lamp(head=head.id, box=_lamp_box(head, mount))
            for head in place.heads
            if head.id in mount.heads
        ),
        calibration=_calibration(place, mount),
        stand="wheels",
        rules=tuple(settings_of(place, mount, watch) for watch in mount.watches),
    )


def settings_of(place: Place, mount: Mount, watch: Watch) -> RuleSettings:
    """A watch with its metres turned into pixels.

    A rule's least travel is one number of pixels for the whole picture, while a metre shrinks
    with the square of the distance. So it is converted where the rule acts: at the stop lines, at
    the exit lines, in the middle of the zones; for rules of the lanes along the middle of the part
    of each lane that is in the picture, and there the least of them, so that ``travel_m`` is
    enough in every lane.
    """
    found = [value for value in _travels(place, mount, watch) if math.isfinite(value)]
    if not found:
        raise ConfigError(f"{place.id} {mount.id}: sees nothing that {watch.rule} could watch")
    return RuleSettings(
        rule=watch.rule,
        min_travel_px=round(max(1.0, min(found)), 1),
        min_duration_s=watch.duration_s,
        delay_s=watch.delay_s,
    )


def _travels(place: Place, mount: Mount, watch: Watch) -> list[float]:
    """``travel_m`` in pixels at each place where a rule acts."""
    lens, metres = mount.lens, watch.travel_m
    lines = [line for line in place.lines if line.id in mount.lines]
    areas = [area for area in place.areas if area.id in mount.areas]
    if watch.rule in ("red_light", "stop_line", "illegal_turn"):
        kind, back = ("exit", 1.0) if watch.rule == "illegal_turn" else ("stop", 0.0)
        found = []
        for line in (line for line in lines if line.kind == kind):
            way = np.asarray(line.direction) / math.hypot(*line.direction)
            start = np.mean(line.ends, axis=0) - back * metres * way
            found.append(length_px(lens, start.tolist(), (start + metres * way).tolist()))
        return found
    if watch.rule in ("illegal_parking", "no_entry"):
        kind = "no_parking" if watch.rule == "illegal_parking" else "no_entry"
        seen = [polygon_seen(lens, area.outline) for area in areas if area.kind == kind]
        return [
            metres * scale_px(lens, lens.ground(pixels.mean(axis=0)).tolist())
            for pixels in seen
            if pixels is not None
        ]
    found = []
    for name in mount.lanes:
        strip = next(one for one in place.roadway_of(name).strips if one.id == name)
        if watch.rule == "wrong_lane" and not strip.vehicles:
            continue
        arrow = segment_seen(lens, middle_line(place, mount, name))
        if arrow is not None:
            way = place.roadway_of(name).along
            centre = lens.ground(arrow.mean(axis=0))
            ends = centre - metres / 2 * way, centre + metres / 2 * way
            found.append(length_px(lens, ends[0].tolist(), ends[1].tolist()))
    return found


def _lane(place: Place, mount: Mount, name: str, measures: bool) -> Lane:
    road = place.roadway_of(name)
    strip = next(one for one in road.strips if one.id == name)
    arrow = _must(segment_seen(mount.lens, middle_line(place, mount, name)), mount, name)
    return Lane(
        id=name,
        name=strip.name,
        polygon=_corners(
            _must(polygon_seen(mount.lens, lane_outline(place, mount, name)), mount, name)
        ),
        direction=_pair(arrow),
        vehicles=strip.vehicles,
        free_speed_kmh=road.limit_kmh,
        storage_m=round(road.length, 1) if road.inbound else None,
        speed_limit_kmh=road.limit_kmh if measures else None,
    )


def _line(line: RoadLine, mount: Mount) -> Line:
    lens = mount.lens
    ends = _must(segment_seen(lens, line.ends), mount, line.id)
    middle = lens.ground(ends.mean(axis=0))
    way = np.asarray(line.direction) / math.hypot(*line.direction)
    arrow, _ = lens.project(
        np.array([[*(middle - way / 2).tolist(), 0.0], [*(middle + way / 2).tolist(), 0.0]])
    )
    return Line(
        id=line.id,
        kind=line.kind,
        ends=_pair(ends),
        lane=line.lane if line.lane in mount.lanes else None,
        head=line.head,
        direction=_pair(np.round(arrow, 1)),
    )


def lamp_corners(head: Head) -> Points:
    """The corners of the face of a head's box, metres, [4, 3]."""
    aside = np.array([-math.sin(head.facing), math.cos(head.facing), 0.0]) * head.width / 2
    up = np.array([0.0, 0.0, head.height / 2])
    middle = np.array([head.x, head.y, head.z])
    return np.array([middle + a * aside + b * up for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))])


def _lamp_box(head: Head, mount: Mount) -> tuple[tuple[float, float], tuple[float, float]]:
    pixels, _ = mount.lens.project(lamp_corners(head))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    size = mount.lens.width, mount.lens.height
    if not (np.isfinite(pixels).all() and (low >= 0).all() and (high <= size).all()):
        raise ConfigError(f"{mount.id}: does not see signal head {head.id!r} as a whole")
    first, second = _pair(np.round([low, high], 1))
    return first, second


def surveyed(place: Place, mount: Mount) -> Points:
    """Points of the road that the camera's calibration rests on, metres, [K, 2].

    A grid over the box, along the first lane's way, round the part of the lanes that is in the
    picture and not farther than ``SURVEY_M``.
    """
    lens = mount.lens
    road = place.roadway_of(mount.lanes[0])
    along = road.along
    frame = np.array([along, [along[1], -along[0]]])
    seen = [polygon_seen(lens, lane_outline(place, mount, name)) for name in mount.lanes]
    ground = np.concatenate([lens.ground(pixels) for pixels in seen if pixels is not None])
    away = np.hypot(*(ground - lens.position[:2]).T)
    # A corner too far away is moved towards the lens until it is near enough.
    pull = np.minimum(1.0, SURVEY_M / away)[:, None]
    near = lens.position[:2] + (ground - lens.position[:2]) * pull
    local = near @ frame.T
    low, high = local.min(axis=0), local.max(axis=0)
    across, lengthways = _GRID
    grid = np.stack(
        np.meshgrid(
            np.linspace(low[0], high[0], lengthways),
            np.linspace(low[1], high[1], across),
            indexing="ij",
        ),
        axis=-1,
    ).reshape(-1, 2)
    points = np.round(grid @ frame, 2)
    pixels, _ = lens.project(np.concatenate([points, np.zeros((len(points), 1))], axis=1))
    size = np.array([lens.width, lens.height])
    edge = _SURVEY_EDGE * size
    return np.asarray(points[((pixels >= edge) & (pixels <= size - edge)).all(axis=1)])


def _calibration(place: Place, mount: Mount) -> Calibration:
    points = surveyed(place, mount)
    if len(points) < 9:
        raise ConfigError(f"{mount.id}: only {len(points)} points of its grid are in the picture")
    pixels, _ = mount.lens.project(np.concatenate([points, np.zeros((len(points), 1))], axis=1))
    return Calibration(
        id=f"SIM-{place.city}-{place.site}-{mount.id}".upper(),
        expires=EXPIRES,
        points=tuple(
            GroundPoint(image=image, ground=ground)
            for image, ground in zip(_corners(pixels), _corners(points), strict=True)
        ),
    )


def _must(shape: Points | None, mount: Mount, name: str) -> Points:
    if shape is None:
        raise ConfigError(f"{mount.id}: {name!r} is not in its picture; take it off its list")
    return shape


def _corners(points: Points) -> tuple[tuple[float, float], ...]:
    return tuple((round(x, 2), round(y, 2)) for x, y in points.tolist())


def _pair(points: Sequence[Sequence[float]] | Points) -> tuple[Point, Point]:
    (ax, ay), (bx, by) = np.asarray(points).tolist()
    return (ax, ay), (bx, by)

"""A tile with a map: junctions north up, each town to a scale of its own, no pictures from afar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from console.screens.answer import Answer, figure, instant, old, state_of
from console.screens.letters import clean, cut, width, wrap
from console.screens.markup import SIGNS, coordinate, element
from console.screens.sizes import DETAIL, LADDER, Box
from console.screens.values import Look, measure, span
from console.sitemap import flat, scale_bar
from dashboards.screen import STATES, State, Tile

APART_M: Final = 8_000.0
"""Junctions farther apart than this are in different towns, each with a panel."""

MOST_PANELS: Final = 3
MARGIN: Final = 46
GAP: Final = 16
SIGN: Final = 34
"""Size of a junction's sign."""

LINE: Final = 1.16
NAMES: Final = 11
"""Most of the width that a line of a name may take, in letters' sizes."""

MOST_LINES: Final = 3
MOST: Final = 400
"""Junctions that are drawn, the worst first."""

MOST_NAMES: Final = 60
"""Of a town, junctions that are named if there is room."""

WAYS: Final = 2000
"""Places that are tried for the labels of a town."""

BAR: Final = 90
"""Most of the width that the bar of the scale may take."""

LOUD: Final = ("alarm", "warn")

_ORDER: Final[dict[State, int]] = {"alarm": 0, "warn": 1, "none": 2, "ok": 3}


@dataclass(frozen=True, slots=True)
class Spot:
    """A junction.

    Attributes:
        x: Metres east; in a panel the place of its sign.
        y: Metres south; likewise.
        name: What people call it.
        state: Of it.
        value: What is shown below its name, or empty.
        old: Since when nothing was heard, in words; empty when it is fresh.
    """

    x: float
    y: float
    name: str
    state: State
    value: str
    old: str


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        """Whether both cover a point."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Area) -> bool:
        """Whether the other one lies within."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """Name and value of a junction beside its sign."""

    lines: tuple[str, ...]
    area: Area
    anchor: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A town.

    Attributes:
        area: Where it is drawn.
        room: Metres that a unit of the drawing stands for.
        spots: Its junctions, placed, the worst first.
        foot: Where its scale is.
    """

    area: Area
    room: float
    spots: tuple[Spot, ...]
    foot: Area


def draw(tile: Tile, answer: Answer, box: Box, look: Look) -> Markup | None:
    """The body of the tile; None when no row has a place."""
    every = _spots(tile, answer, look)
    if not every:
        return None
    spots = sorted(every, key=lambda spot: _ORDER[spot.state])[:MOST]
    groups = towns(spots)
    panels = _panels(groups, box)
    size, labels = _labels(panels)
    if len(every) > len(spots) or any(label is None for named in labels for label in named):
        panels = _panels(groups, box.less(DETAIL * LINE + 4))
        size, labels = _labels(panels)
    parts: list[object] = [element("title", {}, _heard(tile, spots, look))]
    for panel, named in zip(panels, labels, strict=True):
        parts += _panel(panel, named, size)
    unnamed = sum(label is None for named in labels for label in named)
    unnamed += len(every) - len(spots)
    if unnamed:
        told = look.say("screens_unnamed", n=unnamed)
        foot = {"class": "quiet", "x": 0, "y": coordinate(box.height - 8), "font-size": DETAIL}
        parts.append(element("text", foot, cut(told, DETAIL, box.width)))
    edges = f"0 0 {coordinate(box.width)} {coordinate(box.height)}"
    return element("svg", {"class": "map", "role": "img", "viewBox": edges}, *parts)


def towns(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Junctions that are near to one another, the western group first."""
    left = sorted(spots, key=lambda spot: (spot.x, spot.y))
    groups: list[list[Spot]] = []
    while left:
        group = [left.pop(0)]
        for one in group:
            near = [two for two in left if math.dist((one.x, one.y), (two.x, two.y)) <= APART_M]
            left = [two for two in left if two not in near]
            group += near
        groups.append(group)
    return groups if len(groups) <= MOST_PANELS else [list(spots)]


def _spots(tile: Tile, answer: Answer, look: Look) -> list[Spot]:
    """Rows that have a place."""
    rows = []
    for record in answer.records:
        latitude, longitude = figure(record.get("latitude")), figure(record.get("longitude"))
        if latitude is None or longitude is None:
            continue
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            rows.append((latitude, longitude, record))
    found = []
    places = flat([row[:2] for row in rows]) if rows else []
    for (east, north), (_, _, record) in zip(places, rows, strict=True):
        at = instant(record.get("as_of"))
        value = figure(record.get("value"))
        said = span((look.now - at).total_seconds(), look) if at else ""
        found.append(
            Spot(
                x=east,
                y=-north,
                name=clean(record.get("name") or ""),
                state=state_of(record) or "ok",
                value="" if value is None else measure(value, tile.unit, tile.decimals, look).text,
                old=look.say("screens_old", age=said) if old(at, tile, look.now) else "",
            )
        )
    return found


def _panels(groups: Sequence[Sequence[Spot]], box: Box) -> list[Panel]:
    """Panels beside one another, wider for who has more."""
    weights = [3 + min(len(group), 12) for group in groups]
    wide = box.width - GAP * (len(groups) - 1)
    left = 0.0
    made = []
    for group, weight in zip(groups, weights, strict=True):
        width_ = wide * weight / sum(weights)
        made.append(_placed(group, Area(left, 0, left + width_, box.height)))
        left += width_ + GAP
    return made


def _placed(group: Sequence[Spot], area: Area) -> Panel:
    """A town in its panel: one scale both ways, at most a metre a unit."""
    xs, ys = [spot.x for spot in group], [spot.y for spot in group]
    inner = (
        max(1.0, area.right - area.left - 2 * MARGIN),
        max(1.0, area.bottom - area.top - 2 * MARGIN),
    )
    room = max((max(xs) - min(xs)) / inner[0], (max(ys) - min(ys)) / inner[1], 1.0)
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    center = (area.left + area.right) / 2, (area.top + area.bottom) / 2
    placed = [
        replace(
            spot,
            x=center[0] + (spot.x - middle[0]) / room,
            y=center[1] + (spot.y - middle[1]) / room,
        )
        for spot in group
    ]
    placed.sort(key=lambda spot: (_ORDER[spot.state], spot.y, spot.x))
    return Panel(area, room, tuple(placed), _foot(area, placed))


def _foot(area: Area, placed: Sequence[Spot]) -> Area:
    """A corner for the scale in which no junction lies; none is needed for a single junction."""
    if len(placed) == 1:
        return Area(area.left, area.bottom, area.left, area.bottom)
    wide, high = BAR + 3.5 * DETAIL, DETAIL * LINE + 12
    corners = [
        Area(left, top, left + wide, top + high)
        for top in (area.bottom - high, area.top)
        for left in (area.left, area.right - wide)
    ]
    signs = [_sign_area(spot) for spot in placed]
    return next(
        (corner for corner in corners if not any(corner.meets(one) for one in signs)), corners[0]
    )


def _labels(panels: Sequence[Panel]) -> tuple[int, list[list[Label | None]]]:
    """The largest letters with which every junction has its name; else the smallest."""
    for size in LADDER:
        labels = [_named(panel, size) for panel in panels]
        if all(label is not None for named in labels for label in named):
            break
    return size, labels


def _named(panel: Panel, size: int) -> list[Label | None]:
    """A label for each junction, where it covers nothing: of many ways the one with most labels.

    The worst junctions come first: where there is no room for all, theirs stay.
    """
    area = panel.area
    edge = Area(area.left + 6, area.top + 4, area.right - 6, area.bottom - 4)
    # Where junctions are many, the name of an abnormal one may lie over signs of normal ones.
    loud = [_sign_area(spot) for spot in panel.spots if spot.state in LOUD] + [panel.foot]
    every = [_sign_area(spot) for spot in panel.spots] + [panel.foot]
    free = []
    for spot in panel.spots[:MOST_NAMES]:
        tries = [one for one in _tries(spot, size, edge) if edge.holds(one.area)]
        clear = [one for one in tries if _clear(one, every)]
        if spot.state in LOUD:
            clear = clear or [one for one in tries if _clear(one, loud)]
        free.append(clear)
    best: list[Label | None] = []
    left = WAYS

    def place(labels: list[Label | None]) -> bool:
        """Go on from some labels; true when there is nothing left to wish for."""
        nonlocal best, left
        if len(labels) == len(free):
            if not best or labels.count(None) < best.count(None):
                best = labels
            return None not in best
        areas = [label.area for label in labels if label is not None]
        for label in [one for one in free[len(labels)] if _clear(one, areas)] + [None]:
            left -= 1
            if place([*labels, label]):
                return True
            if left <= 0:
                return bool(best)
        return False

    place([])
    return best + [None] * (len(panel.spots) - len(best))


def _clear(label: Label, taken: Sequence[Area]) -> bool:
    """Whether a label covers none of some areas."""
    return not any(label.area.meets(one) for one in taken)


def _tries(spot: Spot, size: int, edge: Area) -> list[Label]:
    """Where a label might stand: beside the sign, above it, below it, in more or fewer lines."""
    tail = spot.old or spot.value
    found = []
    own = _sign_area(spot)
    room = min(NAMES * size, edge.right - edge.left)
    whole = [wrap(spot.name, size, room, most, bold=True) for most in (1, 2, MOST_LINES)]
    ways = [names for names in whole if " ".join(names) == spot.name]
    if size == DETAIL:  # rather a part of a name than none
        ways += [wrap(spot.name, size, part * room, most, bold=True)
                 for most, part in ((2, 1.0), (1, 1.0), (2, 0.6), (1, 0.6))]  # fmt: skip
    for names in ways:
        lines = (*names, tail) if tail else names
        wide = max(width(line, size, bold=True) for line in lines)
        high = len(lines) * size * LINE
        middle = max(edge.top, min(edge.bottom - high, spot.y - high / 2))
        half = spot.x - wide / 2
        slid = max(edge.left, min(edge.right - wide, half))
        beside = (
            (own.right + 4, middle, "start"),
            (own.left - 4 - wide, middle, "end"),
            (slid, own.bottom, "middle"),
            (slid, own.top - high, "middle"),
            (own.right, own.bottom - size * 0.4, "start"),
            (own.left - wide, own.bottom - size * 0.4, "end"),
            (own.right, own.top - high + size * 0.4, "start"),
            (own.left - wide, own.top - high + size * 0.4, "end"),
        )
        for left, top, anchor in beside:
            found.append(Label(lines, Area(left, top, left + wide, top + high), anchor))
    return found


def _sign_area(spot: Spot) -> Area:
    half = SIGN / 2 + 2
    return Area(spot.x - half, spot.y - half, spot.x + half, spot.y + half)


def _panel(panel: Panel, labels: Sequence[Label | None], size: int) -> list[object]:
    """A town's ground, scale, signs and names; what is abnormal on top."""
    area = panel.area
    ground = {
        "class": "ground", "x": coordinate(area.left), "y": coordinate(area.top),
        "width": coordinate(area.right - area.left), "height": coordinate(area.bottom - area.top),
        "rx": 8,
    }  # fmt: skip
    parts: list[object] = [element("rect", ground)]
    if len(panel.spots) > 1:
        bar = scale_bar(panel.room, BAR)
        x, y = panel.foot.left + 14, panel.foot.bottom - 14
        shape = f"M{coordinate(x)} {coordinate(y - 8)}v8h{coordinate(bar.width)}v-8"
        parts.append(element("path", {"class": "scale", "d": shape}))
        beside = {"class": "quiet", "x": coordinate(x + bar.width + 10), "y": coordinate(y),
                  "font-size": DETAIL}  # fmt: skip
        parts.append(element("text", beside, bar.text))
    for spot, label in reversed(list(zip(panel.spots, labels, strict=True))):
        parts.append(_spot(spot, label, size))
    return parts


def _spot(spot: Spot, label: Label | None, size: int) -> Markup:
    corner = f"{coordinate(spot.x - SIGN / 2)} {coordinate(spot.y - SIGN / 2)}"
    at = f"translate({corner}) scale({SIGN / 10:g})"
    shape = {"class": "sign", "d": SIGNS[spot.state], "transform": at}
    parts: list[object] = [element("path", {**shape})]
    for number, line in enumerate(label.lines if label else ()):
        assert label is not None
        x = {"start": label.area.left, "end": label.area.right}.get(
            label.anchor, (label.area.left + label.area.right) / 2
        )
        last = bool(spot.old or spot.value) and number == len(label.lines) - 1
        attributes: dict[str, object] = {
            "class": "value" if last else "name", "x": coordinate(x),
            "y": coordinate(label.area.top + (number + 0.86) * size * LINE), "font-size": size,
            "text-anchor": None if label.anchor == "start" else label.anchor,
        }  # fmt: skip
        parts.append(element("text", attributes, line))
    aged = " aged" if spot.old else ""
    return element("g", {"class": f"spot {spot.state}{aged}"}, *parts)


def _heard(tile: Tile, spots: Sequence[Spot], look: Look) -> str:
    """The same for who does not see it."""
    told = "; ".join(
        " ".join(filter(None, (spot.name, look.word(STATES[spot.state][1]), spot.value, spot.old)))
        for spot in spots
    )
    return f"{look.word(tile.title)}: {told}"

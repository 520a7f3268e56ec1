"""A tile of lines over time: axes with units, Vietnam's hours, each line named where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from console.screens import legend
from console.screens.answer import Answer
from console.screens.axes import digits, scale, times
from console.screens.curves import AHEAD, Curve, curves, pieces, thinned
from console.screens.heading import unit_of
from console.screens.letters import width
from console.screens.markup import coordinate, element, svg_text
from console.screens.sizes import DETAIL, Box
from console.screens.values import Look, measure
from dashboards.screen import Tile
from ioc.clock import VIETNAM

FOOT: Final = 44
"""Below the lines: the hours."""

APART: Final = 64
"""Between two marks of the scale, at least."""

BESIDE: Final = 12
"""What an hour's label may reach over the edges."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle that lines are drawn in, and what its edges stand for."""

    left: float
    top: float
    right: float
    bottom: float
    start: datetime
    end: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        """Where an instant is."""
        whole = (self.end - self.start) / timedelta(seconds=1)
        return self.left + (self.right - self.left) * ((at - self.start).total_seconds() / whole)

    def y(self, value: float) -> float:
        """Where a value is; what lies outside is at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * max(0.0, min(1.0, share))


def draw(tile: Tile, answer: Answer, box: Box, look: Look, start: datetime) -> Markup | None:
    """The body of the tile; None when there is not one point.

    Args:
        tile: The tile.
        answer: Its rows.
        box: Room.
        look: For whom, and the end of the range.
        start: Its beginning.
    """
    found, total = curves(tile, answer.records, start, look)
    if not found:
        return None
    numbers = [value for curve in found for value in curve.values]
    marks = scale(numbers, max(2, int((box.height - FOOT) // APART)))
    sides = [_mark(mark, tile, digits(marks), look) for mark in marks]
    left = max(width(one, DETAIL) for one in sides) + 12
    named = legend.plan(found, tile, box, look, total)
    latest = max(curve.points[-1][0] for curve in found)
    frame = Frame(
        left, 0.55 * DETAIL, max(left + 40, box.width - named.width), box.height - FOOT,
        start, max(look.now, min(latest, look.now + (look.now - start) * AHEAD)),
        marks[0], marks[-1],
    )  # fmt: skip
    heard = ", ".join(
        f"{curve.name} {measure(curve.last, tile.unit, tile.decimals, look)}" for curve in found
    )
    edges = f"0 0 {coordinate(box.width)} {coordinate(box.height)}"
    return element(
        "svg",
        {"class": "series", "role": "img", "viewBox": edges},
        element("title", {}, f"{look.word(tile.title)}: {heard}"),
        *_across(frame, marks, sides),
        *_hours(frame, look),
        *(_line(frame, curve) for curve in found),
        *legend.draw(named, frame.right, [frame.y(curve.values[-1]) for curve in found], box, look),
    )


def _mark(mark: float, tile: Tile, decimals: int, look: Look) -> str:
    """A number at the axis; a unit that all have stands beside the tile's title."""
    shown = decimals - 2 if tile.unit == "ratio" else decimals
    written = measure(mark, tile.unit, max(0, shown), look)
    return written.text if written.unit == unit_of(tile, look) else str(written)


def _across(frame: Frame, marks: Sequence[float], sides: Sequence[str]) -> list[Markup]:
    """Lines of the scale with their numbers."""
    parts = []
    for mark, side in zip(marks, sides, strict=True):
        y = frame.y(mark)
        parts.append(_rule("rule", (frame.left, y), (frame.right, y)))
        # The lowest one stands on its line: below come the hours.
        base = min(y + 0.36 * DETAIL, frame.bottom)
        parts.append(svg_text(side, frame.left - 10, base, DETAIL, "quiet", "end"))
    return parts


def _hours(frame: Frame, look: Look) -> list[Markup]:
    """Hours of Vietnam below; a midnight tells the day."""
    room = (frame.right - frame.left) / (width("00:00", DETAIL) + 16)
    parts = []
    edge = -1e9
    for at in times(frame.start, frame.end, max(2, int(room))):
        local = at.astimezone(VIETNAM)
        midnight = (local.hour, local.minute) == (0, 0)
        told = f"{local:%d/%m}" if midnight else f"{local:%H:%M}"
        x = frame.x(at)
        top, bottom = (x, frame.top), (x, frame.bottom)
        parts.append(_rule("rule midnight" if midnight else "rule", top, bottom))
        half = width(told, DETAIL) / 2
        if x - half < max(edge, -frame.left) or x + half > frame.right + BESIDE:
            continue
        parts.append(svg_text(told, x, frame.bottom + FOOT - 7, DETAIL, "quiet", "middle"))
        edge = x + half + 12
    if frame.end > look.now:
        x = frame.x(look.now)
        parts.append(_rule("now", (x, frame.top), (x, frame.bottom)))
    return parts


def _rule(name: str, one: tuple[float, float], two: tuple[float, float]) -> Markup:
    return element(
        "line",
        {
            "class": name, "x1": coordinate(one[0]), "y1": coordinate(one[1]),
            "x2": coordinate(two[0]), "y2": coordinate(two[1]),
        },
    )  # fmt: skip


def _line(frame: Frame, curve: Curve) -> Markup:
    """A line, in as many pieces as it has."""
    shape: list[str] = []
    dots: list[Markup] = []
    last = (0.0, 0.0)
    for piece in pieces(curve):
        points = thinned(
            [(frame.x(at), frame.y(value)) for at, value in piece], frame.right - frame.left
        )
        last = points[-1]
        if len(points) == 1:
            dots.append(_dot(last, 4))
        else:
            steps = (f"{coordinate(x)} {coordinate(y)}" for x, y in points)
            shape.append("M" + "L".join(steps))
    dots.append(_dot(last, 6))
    path = element("path", {"d": "".join(shape)}) if shape else None
    return element("g", {"class": f"curve {legend.colour(curve)}"}, path, *dots)


def _dot(point: tuple[float, float], radius: float) -> Markup:
    place = {"cx": coordinate(point[0]), "cy": coordinate(point[1]), "r": radius}
    return element("circle", {**place})

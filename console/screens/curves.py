"""The lines of a series, from its rows: in order, and broken where something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from console.screens.answer import Record, figure, instant
from console.screens.letters import clean
from console.screens.values import Look
from dashboards.screen import Tile, Word

DASH: Final = "~"
"""A metric whose name begins so is a limit, a forecast or a comparison."""

GAP: Final = 1.6
"""Two points farther apart than so many of a line's steps have nothing between them."""

AHEAD: Final = 0.5
"""A forecast is drawn as far ahead as this part of the range."""

MOST: Final = 24
"""Lines that are drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line.

    Attributes:
        name: As people read it.
        dashed: Whether it is a limit or a comparison.
        place: Number of its colour: a limit has that of what it limits.
        points: Instant and value, by time; None where a value is missing.
        last: Newest value that is not in the future, or the newest at all.
        at: When that was.
    """

    name: str
    dashed: bool
    place: int
    points: tuple[tuple[datetime, float | None], ...]
    last: float
    at: datetime

    @property
    def values(self) -> list[float]:
        """All its numbers."""
        return [value for _, value in self.points if value is not None]


def curves(
    tile: Tile, records: Sequence[Record], start: datetime, look: Look
) -> tuple[tuple[Curve, ...], int]:
    """The lines of a tile, those that matter most first, and how many there are in all.

    Args:
        tile: For the words of its metrics.
        records: ``time``, ``metric``, ``value``; in any order.
        start: Of the range; earlier points are left out.
        look: For whom.
    """
    words: Mapping[str, Word] = next(
        (column.words for column in tile.columns if column.name == "metric"), {}
    )
    latest = look.now + (look.now - start) * AHEAD
    found: dict[str, dict[datetime, float | None]] = {}
    for record in records:
        at = instant(record.get("time"))
        if at is None or not start <= at <= latest:
            continue
        found.setdefault(str(record.get("metric")), {})[at] = figure(record.get("value"))
    made = []
    colours: dict[str, int] = {}
    for metric, points in found.items():
        ordered = tuple(sorted(points.items()))
        known = [(at, value) for at, value in ordered if value is not None]
        if not known:
            continue
        at, last = next(((a, v) for a, v in reversed(known) if a <= look.now), known[-1])
        dashed = metric.startswith(DASH)
        word = words.get(metric) or words.get(metric.removeprefix(DASH))
        name = look.word(word) if word else clean(metric.removeprefix(DASH))
        place = colours.setdefault(metric.removeprefix(DASH), len(colours))
        made.append(Curve(name or metric[:1], dashed, place, ordered, last, at))
    made.sort(key=lambda curve: curve.dashed)
    return tuple(made[:MOST]), len(made)


def pieces(curve: Curve) -> list[list[tuple[datetime, float]]]:
    """A line in pieces: broken at missing values, and where points are too far apart."""
    limit = _step(curve.points) * GAP
    found: list[list[tuple[datetime, float]]] = []
    before: datetime | None = None
    for at, value in curve.points:
        if value is None:
            before = None
            continue
        if before is None or (at - before).total_seconds() > limit:
            found.append([])
        found[-1].append((at, value))
        before = at
    return found


def _step(points: Sequence[tuple[datetime, float | None]]) -> float:
    """Usual distance of two points, seconds; of two or three nothing is usual."""
    steps = [(after[0] - at[0]).total_seconds() for at, after in pairwise(points)]
    if len(steps) < 3:
        return timedelta.max.total_seconds()
    return median(steps)


def thinned(points: Sequence[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """No more points than can be seen: of each unit of width the first, least, most and last."""
    if len(points) <= 2 * width:
        return list(points)
    found: list[tuple[float, float]] = []
    group: list[tuple[float, float]] = []

    def close() -> None:
        if group:
            kept = {0, len(group) - 1}
            kept.add(min(range(len(group)), key=lambda i: group[i][1]))
            kept.add(max(range(len(group)), key=lambda i: group[i][1]))
            found.extend(group[i] for i in sorted(kept))

    for point in points:
        if group and int(point[0]) != int(group[0][0]):
            close()
            group.clear()
        group.append(point)
    close()
    return found

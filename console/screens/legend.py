"""Names and last values of lines, beside their ends: so that nobody needs their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from console.screens.answer import old
from console.screens.curves import Curve
from console.screens.heading import unit_of
from console.screens.letters import cut, width
from console.screens.markup import coordinate, element, svg_text
from console.screens.sizes import DETAIL, LADDER, Box
from console.screens.values import Look, measure
from dashboards.screen import Tile

COLOURS: Final = 6
"""Colours of lines; more lines have them again."""

SHARE: Final = 0.36
MOST: Final = 0.46
"""Of the width that a legend takes, and that it takes where names would be cut."""

NARROW: Final = 600
NARROW_MOST: Final = 0.52
"""A narrow tile gives its legend more: it is what can be read from afar."""

LEAD: Final = 36
"""Width of the strokes from lines to their labels."""

LINE: Final = 1.15
SPACE: Final = 12
"""Between a value and the name beside it."""


@dataclass(frozen=True, slots=True)
class Label:
    """What stands beside the end of a line.

    Attributes:
        name: The line's.
        value: Its last one.
        colour: Classes of its stroke.
        place: Number of its line.
        dashed: Whether it is a limit or a comparison.
        old: Whether its data is stale.
    """

    name: str
    value: str
    colour: str
    place: int
    dashed: bool
    old: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A legend.

    Attributes:
        labels: Those that are shown.
        more: How many lines have none.
        size: Of the values' letters, names below them; 0 where names stand beside them.
        width: With the strokes.
    """

    labels: tuple[Label, ...]
    more: int
    size: int
    width: float

    @property
    def height(self) -> float:
        """Of one label."""
        return (self.size + DETAIL) * LINE if self.size else DETAIL * LINE


def colour(curve: Curve) -> str:
    """Classes of a line; a limit has the colour of what it limits."""
    return f"c{curve.place % COLOURS}" + (" dashed" if curve.dashed else "")


def plan(found: Sequence[Curve], tile: Tile, box: Box, look: Look, total: int) -> Plan:
    """The largest letters with which every line has its label; else as many labels as fit.

    Args:
        found: The lines.
        tile: The tile.
        box: Room for legend and lines.
        look: For whom.
        total: How many lines there were, drawn or not.
    """
    labels = labels_of(found, tile, look)
    more = total - len(found)
    foot = DETAIL * LINE if more else 0.0
    names = [width(_name(label, look), DETAIL) for label in labels]
    most = NARROW_MOST if box.width < NARROW else MOST
    for share in (SHARE, most):
        room = share * box.width - LEAD
        for size in LADDER:
            values = [width(label.value, size, bold=True) for label in labels]
            high = len(labels) * (size + DETAIL) * LINE + foot
            if high <= box.height and max(*values, *names) <= room:
                return Plan(labels, more, size, LEAD + max(*values, *names))
        values = [width(label.value, DETAIL, bold=True) for label in labels]
        both = max(one + SPACE + two for one, two in zip(values, names, strict=True))
        if len(labels) * DETAIL * LINE + foot <= box.height and both <= room:
            return Plan(labels, more, 0, LEAD + both)
    count = max(1, int(box.height // (DETAIL * LINE)))
    if count < len(labels) or more:
        more += len(labels) - max(1, count - 1)
        labels = labels[: max(1, count - 1)]
    tall = len(labels) * 2 * DETAIL * LINE + (DETAIL * LINE if more else 0.0) <= box.height
    return Plan(labels, max(0, more), DETAIL if tall else 0, most * box.width)


def labels_of(found: Sequence[Curve], tile: Tile, look: Look) -> tuple[Label, ...]:
    """A label for each line; limits that are the same have one together."""
    solid = {curve.name for curve in found if not curve.dashed}
    made: dict[tuple[str, str, int], Label] = {}
    for place, curve in enumerate(found):
        written = measure(curve.last, tile.unit, tile.decimals, look)
        value = written.text if written.unit == unit_of(tile, look) else str(written)
        name = curve.name
        if curve.dashed and name in solid:
            name = look.say("screens_dashed")
        stale = not curve.dashed and old(curve.at, tile, look.now)
        label = Label(name, value, colour(curve), place, curve.dashed, stale)
        made.setdefault((name, value, -1 if curve.dashed else place), label)
    return tuple(made.values())


def draw(chosen: Plan, right: float, ends: Sequence[float], box: Box, look: Look) -> list[Markup]:
    """Each label as near to its line's end as the others let it.

    Args:
        chosen: The legend.
        right: Where lines end.
        ends: How high each ends.
        box: Room for legend and lines.
        look: For whom.
    """
    height = chosen.height
    labels = sorted(chosen.labels, key=lambda label: ends[label.place])
    bottom = box.height - (DETAIL * LINE if chosen.more else 0.0)
    tops = spread([ends[label.place] - height / 2 for label in labels], height, bottom)
    x = right + LEAD - 4
    parts: list[Markup] = []
    for label, top in zip(labels, tops, strict=True):
        middle = top + (chosen.size * 0.6 if chosen.size else height / 2)
        stroke = (
            f"M{coordinate(right + 6)} {coordinate(ends[label.place])}"
            f"L{coordinate(right + LEAD - 12)} {coordinate(middle)}"
        )
        parts.append(element("path", {"class": f"lead {label.colour}", "d": stroke}))
        parts += _label(label, x, top, box.width - x, chosen.size, look)
    if chosen.more:
        told = cut(look.say("screens_more_lines", n=chosen.more), DETAIL, box.width - x)
        parts.append(svg_text(told, x, box.height - 8, DETAIL, "quiet"))
    return parts


def _name(label: Label, look: Look) -> str:
    return (look.say("screens_old_word") + " " if label.old else "") + label.name


def _label(label: Label, x: float, top: float, room: float, size: int, look: Look) -> list[Markup]:
    name, state = _name(label, look), "value old" if label.old else "value"
    if label.dashed:
        state = "value quiet"
    if size:
        value = cut(label.value, size, room, bold=True)
        below = top + size * LINE + DETAIL * 0.82
        return [
            svg_text(value, x, top + size * 0.95, size, state),
            svg_text(cut(name, DETAIL, room), x, below, DETAIL, "quiet"),
        ]
    base, value = top + DETAIL * 0.95, cut(label.value, DETAIL, room, bold=True)
    aside = width(value, DETAIL, bold=True) + SPACE
    told = cut(name, DETAIL, room - aside)
    return [
        svg_text(value, x, base, DETAIL, state),
        svg_text(told, x + aside, base, DETAIL, "quiet"),
    ]


def spread(tops: Sequence[float], height: float, bottom: float) -> list[float]:
    """Move boxes of one height apart, no farther than needed, within 0 and the bottom.

    Args:
        tops: Where they should begin, rising.
        height: Of each.
        bottom: Where the last must end; there is room for all.
    """
    groups: list[tuple[float, int]] = []  # where a group begins, and how many it holds
    for top in tops:
        groups.append((max(0.0, min(top, bottom - height)), 1))
        while len(groups) > 1 and groups[-2][0] + groups[-2][1] * height > groups[-1][0]:
            (one, many), (other, few) = groups[-2], groups[-1]
            # Each member wants its own place: the mean of what they want is nearest to all.
            wanted = (one * many + (other - many * height) * few) / (many + few)
            count = many + few
            groups[-2:] = [(max(0.0, min(wanted, bottom - count * height)), count)]
    return [first + index * height for first, count in groups for index in range(count)]

"""A tile of large figures: one row, every column a number with its title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from console.screens.answer import Answer, Record, is_state, shown, state_of
from console.screens.letters import cut, width, wrap
from console.screens.markup import element, in_lines, sign
from console.screens.sizes import DETAIL, FIGURES, Box
from console.screens.values import Look, Written, named, write
from dashboards.screen import Column, State, Tile

GAP: Final = 20
"""Between two figures."""

APART: Final = 0.5
"""The same in parts of their size: 1, 25 and 7 must not look like 1257."""

BESIDE: Final = 16
"""Between a figure and its title beside it."""

UNIT: Final = 0.4
"""Size of a unit's letters beside a figure's, but never too small to be read."""

LINE: Final = 1.2
"""Height of a line of text in parts of its letters' size."""

FIGURE_LINE: Final = 1.06
"""The same of figures, which have no marks above or below."""

MOST_LINES: Final = 3
"""Of a figure's title."""

MOST_ACROSS: Final = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        title: What it is.
        written: The number.
        state: Where the column itself is a state.
    """

    title: str
    written: Written
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the figures lie.

    Attributes:
        across: Figures in a row.
        size: Of their letters.
        beside: Whether titles stand beside their figures, and not above.
        lines: Of the longest title.
        figure: Width of the widest figure, where titles stand beside.
        widths: Of the figures' places, in a row.
    """

    across: int
    size: int
    beside: bool
    lines: int
    figure: float
    widths: tuple[float, ...]


def draw(tile: Tile, answer: Answer, box: Box, look: Look) -> Markup:
    """The body of the tile."""
    record = answer.records[0]
    figures = [figure(record, column, look) for column in shown(tile)]
    if not figures:
        return Markup("")
    chosen = plan(figures, box)
    drawn = [
        _draw(one, chosen, chosen.widths[number % chosen.across])
        for number, one in enumerate(figures)
    ]
    side = " beside" if chosen.beside else " one-row" if chosen.across == len(figures) else ""
    return element("ul", {"class": f"stats across{chosen.across}{side}"}, *drawn)


def plan(figures: Sequence[Figure], box: Box) -> Plan:
    """The arrangement with the largest figures; where none fits, one in which titles are cut."""
    for size in FIGURES:
        for beside in (False, True):
            for across in range(min(len(figures), MOST_ACROSS), 0, -1):
                made = _fitting(figures, box, across, size, beside=beside)
                if made is not None:
                    return made
    return _squeezed(figures, box)


def titles_of(size: int) -> int:
    """Size of a title's letters beside a figure's."""
    return 38 if size >= 96 else 34 if size >= 74 else DETAIL


def _cell(count: int, box: Box, across: int) -> Box:
    down = math.ceil(count / across)
    return Box((box.width - GAP * (across - 1)) / across, (box.height - 8 * (down - 1)) / down)


def _fitting(
    figures: Sequence[Figure], box: Box, across: int, size: int, *, beside: bool
) -> Plan | None:
    """The arrangement, if nothing in it is cut."""
    cell = _cell(len(figures), box, across)
    number, titles, gap = size * FIGURE_LINE, titles_of(size), max(GAP, APART * size)
    if across == len(figures) > 1 and not beside:
        # In one row each figure takes what it needs.
        for lines in range(1, MOST_LINES + 1):
            needed = tuple(
                max(_width(one, size), narrowest(one.title, titles, lines)) for one in figures
            )
            spare = box.width - sum(needed) - gap * (across - 1)
            if number + lines * titles * LINE <= cell.height and spare >= 0:
                widths = _given(figures, needed, titles, spare)
                return Plan(across, size, False, lines, 0.0, widths)
        return None
    widest = max(_width(one, size) for one in figures)
    room = cell.width - widest - BESIDE if beside else cell.width
    if widest > cell.width or room < 2 * DETAIL:
        return None
    lines = 0
    for one in figures:
        told = wrap(one.title, titles, room, MOST_LINES)
        if " ".join(told) != one.title:
            return None
        lines = max(lines, len(told))
    text = lines * titles * LINE
    if (max(text, number) if beside else text + number) > cell.height:
        return None
    return Plan(across, size, beside, lines, widest if beside else 0.0, (cell.width,) * across)


def _squeezed(figures: Sequence[Figure], box: Box) -> Plan:
    """Titles, cut, beside figures in the smallest letters: in as few columns as are high enough."""
    most = min(len(figures), MOST_ACROSS)
    high = (_cell(len(figures), box, across).height for across in range(1, most))
    across = next((n for n, room in enumerate(high, 1) if room >= DETAIL * LINE), most)
    room = _cell(len(figures), box, across).width
    # A number says more than its title: it is cut only where it leaves no room for a few letters.
    widest = max(_width(one, DETAIL) for one in figures)
    figure = max(0.0, min(widest, room - BESIDE - 2 * DETAIL))
    return Plan(across, DETAIL, True, 1, figure, (room,) * across)


def _given(
    figures: Sequence[Figure], needed: Sequence[float], titles: int, spare: float
) -> tuple[float, ...]:
    """Spare width: to whom a little of it saves a line of title first, the rest to all."""
    widths = list(needed)
    wanted = [
        max(0.0, width(one.title, titles) - wide) for one, wide in zip(figures, widths, strict=True)
    ]
    for index in sorted(range(len(widths)), key=lambda index: wanted[index]):
        if wanted[index] <= spare:
            widths[index] += wanted[index]
            spare -= wanted[index]
    return tuple(wide + spare / len(widths) for wide in widths)


def narrowest(told: str, size: int, lines: int) -> float:
    """The least room in which a title has no more than so many lines."""
    words = told.split(" ")
    low = max(width(word, size) for word in words)
    high = width(told, size)
    while high - low > 1:
        middle = (low + high) / 2
        if " ".join(wrap(told, size, middle, lines)) == told:
            high = middle
        else:
            low = middle
    return low if " ".join(wrap(told, size, low, lines)) == told else high


def _width(one: Figure, size: int) -> float:
    """Of figure and unit beside each other."""
    mark = 1.15 * size if one.state else 0.0
    unit = width(one.written.unit, _unit(size)) + 10 if one.written.unit else 0.0
    return mark + width(one.written.text, size, bold=True) + unit


def _unit(size: int) -> int:
    """Size of a unit's letters."""
    return next((step for step in FIGURES if step <= size * UNIT), DETAIL)


def figure(record: Record, column: Column, look: Look) -> Figure:
    """What a column says."""
    value = named(record, column, look)
    state = state_of({"state": value}) if is_state(column) else None
    return Figure(look.word(column.title), write(value, column, look), state)


def _draw(one: Figure, chosen: Plan, room: float) -> Markup:
    size, titles = chosen.size, titles_of(chosen.size)
    unit = _width(one, size) - width(one.written.text, size, bold=True)
    left = (chosen.figure if chosen.beside else room) - unit
    aside = room - chosen.figure - BESIDE if chosen.beside else room
    lines = wrap(one.title, titles, aside, chosen.lines)
    if not chosen.beside:
        # Figures stand on one line, however many lines their titles have.
        lines = ("\u00a0",) * (chosen.lines - len(lines)) + lines
    name = in_lines(lines)
    number = element(
        "span",
        {"class": "measure"},
        sign(one.state) if one.state else None,
        element("span", {"class": f"amount f{size}"}, cut(one.written.text, size, left, bold=True)),
        element("small", {"class": f"f{_unit(size)}"}, one.written.unit)
        if one.written.unit
        else None,
    )
    said = element("span", {"class": f"name f{titles}"}, name)
    return element("li", {"class": f"stat {one.state or ''}".strip()}, said, number)

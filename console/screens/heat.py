"""A tile of hours by places: the darker a cell, the more; grey, for no hour is abnormal as such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from console.screens import cells
from console.screens.answer import Answer, figure, shown
from console.screens.fitting import MORE, PAD, SIGN
from console.screens.letters import width
from console.screens.markup import element, join
from console.screens.rows import heads, rows
from console.screens.sizes import DETAIL, LADDER, Box
from console.screens.values import NOTHING, Look, measure, unit_word
from dashboards.screen import Tile

HOURS: Final = tuple(f"h{hour:02}" for hour in range(24))
STEPS: Final = 8
"""Greys from nothing to the most."""

NAMES: Final = 0.32
"""Most of the width that names may take."""

KEY: Final = 18
"""Width of each grey in the corner that explains them."""

MOST_LINES: Final = 2
"""Of a name."""


def draw(tile: Tile, answer: Answer, box: Box, look: Look) -> Markup:
    """The body of the tile."""
    records = answer.records
    columns = shown(tile)[:1]
    found = rows(tile, records, columns, look)
    values = [[figure(record.get(hour)) for hour in HOURS] for record in records]
    least, most = bounds(values)
    low, high = ends(least, most, tile, look)
    corner = width(low, DETAIL) + width(high, DETAIL) + KEY * (STEPS + 1) + 16
    marked = any(row.state for row in found)
    texts = [row.cells[0].text for row in found]
    rest = box.less(DETAIL)
    size, wraps, count = names_of(texts, rest, marked=marked, cut_off=answer.cut)
    wanted = max(width(text, size, bold=True) for text in texts) + (SIGN * size if marked else 0)
    names = max(min(NAMES * box.width, wanted), corner) + PAD
    cell = (box.width - names) / len(HOURS)
    said = [[_text(value, tile, look) for value in row] for row in values[:count]]
    fits = all(width(told, DETAIL) <= cell - 4 for row in said for told in row)
    step = next((one for one in (1, 2, 3, 4) if width("00", DETAIL) + 8 <= cell * one), 6)
    titles = [
        element("th", {"scope": "col", "colspan": step}, f"{hour:02}")
        for hour in range(0, len(HOURS), step)
    ]
    body = []
    for row, numbers, told in zip(found[:count], values, said, strict=False):
        name = cells.name(row, names - PAD, size, look, wraps=wraps)
        boxes = [
            element(
                "td",
                {"class": f"q{shade(number, most)}", "title": f"{hour:02} h: {says}"},
                says if fits else None,
            )
            for hour, (number, says) in enumerate(zip(numbers, told, strict=True))
        ]
        body.append(element("tr", cells.attributes(row), name, *boxes))
    left = cells.more(records, heads(columns, look), (0,), count, look, cut_off=answer.cut)
    drawn = element(
        "table",
        {"class": f"rows heat f{size}" + (" less" if left else "")},
        cells.columns_of([names] + [cell] * len(HOURS)),
        element("thead", {}, element("tr", {}, key(low, high), *titles)),
        element("tbody", {}, *body),
    )
    return join(part for part in (drawn, left) if part is not None)


def bounds(values: Sequence[Sequence[float | None]]) -> tuple[float, float]:
    """The least and the most of all cells; 0 and 0 where there is none."""
    known = [value for row in values for value in row if value is not None]
    return min(known, default=0.0), max(known, default=0.0)


def shade(value: float | None, most: float) -> str:
    """Which grey a cell has: ``n`` where there is no value, 0 for nothing, up to ``STEPS``."""
    if value is None:
        return "n"
    if value <= 0 or most <= 0:
        return "0"
    return str(min(STEPS, 1 + int(value / most * STEPS)))


def ends(least: float, most: float, tile: Tile, look: Look) -> tuple[str, str]:
    """What the lightest and the darkest grey stand for; the unit is beside the tile's title."""
    return (
        measure(min(0.0, least), tile.unit, tile.decimals, look).text,
        measure(most, tile.unit, tile.decimals, look).text,
    )


def key(low: str, high: str) -> Markup:
    """What the greys mean, in the corner."""
    steps = join(element("i", {"class": f"q{step}"}) for step in range(STEPS + 1))
    return element("td", {"class": "key"}, low, element("span", {}, steps), high)


def names_of(
    texts: Sequence[str], box: Box, *, marked: bool, cut_off: bool
) -> tuple[int, int, int]:
    """Size of names, their lines, and how many rows are shown.

    Args:
        texts: All names.
        box: Room for the rows.
        marked: Whether signs stand before them.
        cut_off: Whether a line below says what is left out in any case.
    """
    high = box.height - (MORE if cut_off else 0)
    if len(texts) * DETAIL > high:
        return DETAIL, 1, max(1, int((box.height - MORE) // DETAIL))
    each = high / len(texts)
    for size in LADDER:
        room = NAMES * box.width - (SIGN * size if marked else 0)
        if size <= each and all(width(text, size, bold=True) <= room for text in texts):
            return size, 1, len(texts)
    return DETAIL, MOST_LINES if each >= MOST_LINES * DETAIL else 1, len(texts)


def _text(value: float | None, tile: Tile, look: Look) -> str:
    """A number in a cell: its unit is told once, beside the tile's title."""
    if value is None:
        return NOTHING
    written = measure(value, tile.unit, tile.decimals, look)
    return written.text if written.unit == unit_word(tile.unit, look) else str(written)

"""A tile of bars: a row a bar, with its name, its length as a number and what else is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from markupsafe import Markup

from console.screens import cells
from console.screens.answer import Answer, figure, shown
from console.screens.fitting import PAD, Plan, plan
from console.screens.markup import coordinate, element, join
from console.screens.rows import Head, Row, heads, rows
from console.screens.sizes import Box
from console.screens.values import Look
from dashboards.screen import Tile, Unit

FULL: Final = 1000
"""Units of a bar of full length."""

WHOLE: Final[dict[Unit, float]] = {"ratio": 1.0, "%": 100.0, "level": 5.0}
"""Where there is a natural full length; else it is the longest bar's."""


def draw(tile: Tile, answer: Answer, box: Box, look: Look) -> Markup:
    """The body of the tile."""
    columns = shown(tile)
    records = answer.records
    name, number, *others = heads(columns, look)
    # The unit of the bars stands beside the tile's title.
    names = (name, replace(number, title=look.word(columns[1].title)), *others)
    found = rows(tile, records, columns, look)
    chosen = plan(names, found, box, len(records), "bars", noted=answer.cut)
    if len(columns) > 2 and (len(chosen.columns) == 2 or chosen.count < len(records)):
        # The number alone needs no title: more bars have room.
        alone = plan(names[:2], found, box, len(records), "bars", noted=True)
        if len(chosen.columns) == 2 or alone.count > chosen.count:
            chosen = alone
    lengths = [figure(record.get(columns[1].name)) for record in records]
    full = longest(lengths, columns[1].unit)
    used = sum(chosen.widths[1:]) + PAD * (len(chosen.widths) - 1)
    first = 0.0 if chosen.stacked else chosen.widths[0] + PAD
    widths = [max(1.0, box.width - used - first), *(wide + PAD for wide in chosen.widths[1:])]
    if not chosen.stacked:
        widths.insert(0, first)
    body = [
        _row(row, share(length, full), names, chosen, box, look)
        for row, length in zip(found[: chosen.count], lengths, strict=False)
    ]
    drawn = element(
        "table",
        {"class": f"rows bars f{chosen.size}" + (" stacked" if chosen.stacked else "")},
        cells.columns_of(widths),
        cells.titles(names, chosen, bare=1 if chosen.stacked else 2) if chosen.heading else None,
        *body,
    )
    left = cells.more(records, names, chosen.columns, chosen.count, look, cut_off=answer.cut)
    return join(part for part in (drawn, left) if part is not None)


def _row(
    row: Row, part: float, names: Sequence[Head], chosen: Plan, box: Box, look: Look
) -> Markup:
    further = [
        cells.further(row, place, names[place], wide, chosen.size, look)
        for place, wide in list(zip(chosen.columns, chosen.widths, strict=True))[1:]
    ]
    about = cells.attributes(row)
    if chosen.stacked:
        name = cells.name(row, box.width, chosen.size, look, columns=len(further) + 1)
        above = element("tr", {"class": "above"}, name)
        return element("tbody", about, above, element("tr", {}, bar(part), *further))
    name = cells.name(row, chosen.widths[0], chosen.size, look)
    return element("tbody", about, element("tr", {}, name, bar(part), *further))


def longest(lengths: Sequence[float | None], unit: Unit) -> float:
    """What a bar of full length stands for."""
    most = max((one for one in lengths if one is not None), default=0.0)
    whole = WHOLE.get(unit, 0.0)
    return whole if most <= whole else most


def share(length: float | None, full: float) -> float:
    """Which part of the full length a bar has; below nothing there is no bar."""
    if length is None or full <= 0:
        return 0.0
    return min(1.0, max(0.0, length / full))


def bar(part: float) -> Markup:
    """The bar itself."""
    ground = element("rect", {"class": "ground", "width": FULL, "height": 10})
    fill = element("rect", {"class": "fill", "width": coordinate(part * FULL), "height": 10})
    attributes: dict[str, object] = {
        "class": "bar", "viewBox": f"0 0 {FULL} 10", "preserveAspectRatio": "none",
        "aria-hidden": "true",
    }  # fmt: skip
    return element("td", {"class": "bar"}, element("svg", attributes, ground, fill))

"""A tile of rows and columns, as its query gave them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from console.screens import cells
from console.screens.answer import Answer, instant
from console.screens.fitting import PAD, Plan, plan
from console.screens.markup import element, join
from console.screens.rows import Head, Row, heads, rows
from console.screens.sizes import Box
from console.screens.values import Look
from dashboards.screen import Column, Tile


def draw(tile: Tile, answer: Answer, box: Box, look: Look) -> Markup:
    """The body of the tile."""
    records = answer.records
    columns = columns_of(tile, answer)
    names = heads(columns, look)
    found = rows(tile, records, columns, look)
    chosen = plan(names, found, box, len(records), noted=answer.cut)
    body = [_row(row, names, chosen, box, look) for row in found[: chosen.count]]
    widths = chosen.widths[1:] if chosen.stacked else chosen.widths
    drawn = element(
        "table",
        {"class": f"rows f{chosen.size}" + (" stacked" if chosen.stacked else "")},
        cells.columns_of([*(wide + PAD for wide in widths[:-1]), widths[-1]]),
        cells.titles(names, chosen, bare=0 if chosen.stacked else None),
        *body,
    )
    left = cells.more(records, names, chosen.columns, chosen.count, look, cut_off=answer.cut)
    return join(part for part in (drawn, left) if part is not None)


def _row(row: Row, names: Sequence[Head], chosen: Plan, box: Box, look: Look) -> Markup:
    """A row; where names stand above, it has two lines."""
    kinds = {names[place].kind for place in chosen.columns}
    signed, aging = "state" not in kinds, "age" not in kinds
    parts = [
        cells.further(row, place, names[place], wide, chosen.size, look, wraps=chosen.wraps)
        for place, wide in zip(chosen.columns, chosen.widths, strict=True)
    ]
    about = cells.attributes(row)
    if chosen.stacked:
        name = cells.name(
            row, box.width, chosen.size, look, signed=signed, aging=aging, columns=len(parts) - 1
        )
        above = element("tr", {"class": "above"}, name)
        return element("tbody", about, above, element("tr", {}, *parts[1:]))
    if names[0].kind == "text":
        wide = chosen.widths[0]
        parts[0] = cells.name(
            row, wide, chosen.size, look, signed=signed, aging=aging, wraps=chosen.wraps
        )
    return element("tbody", about, element("tr", {}, *parts))


def columns_of(tile: Tile, answer: Answer) -> list[Column]:
    """The tile's columns; ages only where rows differ in age, for the tile tells one for all."""
    ages = {instant(row.get("as_of")) for row in answer.records}
    few = len(tile.columns) <= 2
    return [one for one in tile.columns if one.name != "as_of" or len(ages) > 1 or few]

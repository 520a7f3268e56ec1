"""Tiles of large figures keep inside their room, whatever the numbers become."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.screens import heading, stat
from console.screens.answer import shown
from console.screens.letters import width
from console.screens.sizes import DETAIL, SECOND, TITLE, inside
from console.screens.values import Look, Written
from dashboards.screen import Column, Tile
from dashboards.screens import SCREENS
from tests.console.screens.tiles import EN, NOW, VI, answer, drawn

TILES = [tile for screen in SCREENS for tile in screen.tiles if tile.kind == "stat"]

LARGE: dict[str, Any] = {
    "count": 9_999, "time": NOW - timedelta(days=21), "%": 100.0, "d": 300, "h": 300, "s": 86_000,
    "B": 900e9, "text": "không",
}  # fmt: skip
"""A bad day of a province: by unit, what a figure may well become."""


def large(column: Column) -> Any:
    match column.name:
        case "state":
            return "alarm"
        case "as_of":
            return NOW - timedelta(minutes=58)
    return LARGE[column.unit]


@pytest.mark.parametrize("look", [VI, EN], ids=["vi", "en"])
@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile.id)
def test_large_numbers_are_shown_whole(tile: Tile, look: Look) -> None:
    rows = answer(tile, {one.name: large(one) for one in tile.columns})
    assert "…" not in drawn(tile, rows, look).text
    head = heading.heading(tile, rows.records, inside(tile.size), look)
    figures = [stat.figure(rows.records[0], one, look) for one in shown(tile)]
    box = inside(tile.size).less(head.height)
    chosen = stat.plan(figures, box)
    assert high(figures, chosen) <= box.height
    assert wide(figures, chosen) <= box.width


FIGURES = st.builds(
    stat.Figure,
    title=st.text("abc đĩn", min_size=1, max_size=30),
    written=st.builds(Written, st.text("0123456789,.", min_size=1, max_size=14), st.just("")),
)


@given(st.lists(FIGURES, min_size=1, max_size=8), st.integers(3, 24), st.integers(2, 12))
def test_any_figures_stay_in_their_room(
    figures: list[stat.Figure], columns: int, rows: int
) -> None:
    box = inside((columns, rows)).less(TITLE + SECOND)
    chosen = stat.plan(figures, box)
    assert high(figures, chosen) <= max(box.height, DETAIL * stat.LINE)
    assert wide(figures, chosen) <= box.width + 1


def high(figures: list[stat.Figure], chosen: stat.Plan) -> float:
    """Of all rows, with the gaps between."""
    down = math.ceil(len(figures) / chosen.across)
    number = chosen.size * stat.FIGURE_LINE
    titles = chosen.lines * stat.titles_of(chosen.size) * stat.LINE
    return down * (max(number, titles) if chosen.beside else number + titles) + 8 * (down - 1)


def wide(figures: list[stat.Figure], chosen: stat.Plan) -> float:
    """Of a row, with the gaps between; figures that are not cut need their width."""
    if chosen.across == len(figures) and not chosen.beside:
        needed = [width(one.written.text, chosen.size, bold=True) for one in figures]
        assert all(one <= room for one, room in zip(needed, chosen.widths, strict=True))
    return sum(chosen.widths) + stat.GAP * (chosen.across - 1)

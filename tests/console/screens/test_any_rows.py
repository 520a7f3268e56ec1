"""Whatever a query returns, a tile is drawn: well-formed, escaped, within its room."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.screens.answer import Answer
from console.screens.axes import digits, scale, times
from console.screens.sizes import DETAIL, inside
from dashboards.screen import Tile
from tests.console.screens.tiles import ALL, EN, NOW, SERIES, VI, drawn, tile

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=1>',
    "' onload='x",
    "&lt;b&gt;",
    "\u202eabc",
]
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda at: at.replace(tzinfo=UTC)
)
NEAR = st.floats(-200_000, 100_000).map(
    lambda seconds: datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
)
NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25), st.floats(), st.floats(-1000, 1000),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, Decimal("NaN")]),
    st.just(10**400),
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=60), st.sampled_from(EVIL), INSTANTS, NEAR,
    st.binary(max_size=8), st.lists(st.text(max_size=5), max_size=3), st.uuids(), st.dates(),
    st.timedeltas(), st.dictionaries(st.text(max_size=5), st.none(), max_size=2),
    st.datetimes(), st.sampled_from(["ok", "warn", "alarm", "none"]),
)  # fmt: skip


def likely(name: str) -> st.SearchStrategy[Any]:
    """Values of a column: mostly what it is for, sometimes anything."""
    usual = {
        "time": NEAR, "as_of": NEAR, "state": st.sampled_from(["ok", "warn", "alarm", "none"]),
        "latitude": st.floats(8, 12), "longitude": st.floats(104, 108),
        "name": st.text(min_size=1, max_size=50), "metric": st.sampled_from(["a", "b", "~a", "~"]),
        "place": st.text(max_size=30),
    }.get(name, NUMBERS)  # fmt: skip
    return st.one_of(usual, usual, VALUES)


@st.composite
def answers(draw: st.DrawFn, of: Tile) -> Answer:
    names = tuple(one.name for one in of.columns)
    rows = draw(st.lists(st.tuples(*map(likely, names)), max_size=30))
    return Answer(names, tuple(rows), draw(st.booleans()))


SIZES = st.tuples(st.integers(3, 24), st.integers(2, 12))


@pytest.mark.parametrize("of", ALL, ids=lambda of: of.kind)
@settings(max_examples=120)
@given(data=st.data())
def test_any_rows_are_drawn_and_escaped(of: Tile, data: st.DataObject) -> None:
    rows = data.draw(answers(of))
    size = data.draw(SIZES)
    sized = tile(
        of.kind, *of.columns, size=size, unit=of.unit, decimals=data.draw(st.integers(0, 6))
    )
    tree = drawn(
        sized, rows, data.draw(st.sampled_from([VI, EN])), hours=data.draw(st.floats(0.1, 900))
    )
    names = {one.name for one in walk(tree)}
    assert names <= {
        "section", "header", "h2", "small", "span", "div", "svg", "path", "p", "ul", "li", "table",
        "colgroup", "col", "thead", "tbody", "tr", "th", "td", "rect", "title", "line", "text", "g",
        "circle", "i",
    }  # fmt: skip
    for one in walk(tree):
        assert not {name for name in one.attributes if name == "style" or name.startswith("on")}
        for key in ("x", "y", "width", "height", "cx", "cy", "x1", "x2", "y1", "y2", "font-size"):
            if key in one.attributes and not one.attributes[key].endswith("%"):
                assert abs(float(one.attributes[key])) < 5000, (one.name, one.attributes)
        if one.name == "path":
            assert re.fullmatch(r"[MLhvaz\d .-]*|.*z.*", one.attributes["d"])
            assert "nan" not in one.attributes["d"] and "inf" not in one.attributes["d"]
        if one.name == "text":
            assert float(one.attributes["font-size"]) >= DETAIL


def walk(node: Any) -> Any:
    for one in node.children:
        if not isinstance(one, str):
            yield one
            yield from walk(one)


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("of", ALL, ids=lambda of: of.kind)
def test_markup_in_a_value_is_text(of: Tile, evil: str) -> None:
    values = {
        "time": NOW, "value": 1.0, "latitude": 9.8, "longitude": 105.5, "as_of": NOW, "state": "ok",
        "first": 1, "second": 2, "length": 3, "speed": 4,
    }  # fmt: skip
    names = tuple(one.name for one in of.columns)
    row = tuple(values.get(name, evil) for name in names)
    tree = drawn(of, Answer(names, (row,)))
    assert not {"script", "img", "b"} & {one.name for one in walk(tree)}
    if of.kind in ("table", "bars"):
        assert evil.replace("\u202e", "")[:12] in tree.one("tbody").text


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=50), st.integers(2, 9))
def test_a_scale_holds_all_its_numbers(values: list[float], most: int) -> None:
    marks = scale(values, most)
    assert 2 <= len(marks) <= max(3, most + 1)
    slack = 1e-6 * max(1e-300, max(map(abs, marks)))
    assert marks[0] <= min(values) + slack and marks[-1] >= max(values) - slack
    assert list(marks) == sorted(set(marks))
    assert 0 <= digits(marks) <= 6


@given(NEAR, st.floats(60, 4e7), st.integers(1, 12))
def test_marks_of_time_are_round_and_few(start: datetime, seconds: float, most: int) -> None:
    end = datetime.fromtimestamp(start.timestamp() + seconds, UTC)
    marks = times(start, end, most)
    assert len(marks) <= most + 1
    for mark in marks:
        assert start <= mark <= end and mark.second == 0 and mark.utcoffset() is not None
    if marks and seconds > 2 * 86_400 and most < 4:
        assert all((mark.hour, mark.minute) in ((0, 0), (12, 0)) for mark in marks)


def test_a_tile_of_any_size_has_room() -> None:
    for width in range(1, 25):
        for height in range(1, 13):
            box = inside((width, height))
            assert box.width >= 1 and box.height >= 1
            drawn(
                tile("series", *SERIES.columns, size=(width, height)),
                Answer(("time", "metric", "value"), ((NOW, "a", 1.0),)),
            )

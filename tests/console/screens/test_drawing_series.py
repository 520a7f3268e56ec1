"""What lines over time show: their points, gaps, limits, forecasts and labels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from console.screens import curves, legend, series
from console.screens.answer import MOST_ROWS
from console.screens.sizes import DETAIL, Box
from dashboards.screen import Word
from tests.console.screens.tiles import EN, NOW, SERIES, VI, ago, column, drawn, points, tile


def hourly(
    metric: str, values: Sequence[float | None], first: float = 20
) -> list[tuple[Any, str, Any]]:
    return [(ago((first - n) * 3600), metric, value) for n, value in enumerate(values)]


def path_points(d: str) -> list[list[tuple[float, float]]]:
    return [[tuple(map(float, pair.split())) for pair in piece.split("L")]  # type: ignore[misc]
            for piece in d.split("M") if piece]  # fmt: skip


def test_lines_go_through_their_points() -> None:
    shown = drawn(SERIES, points(*hourly("A", [1.0, 2.0, 3.0, 4.0, 2.0], 24)))
    ((line,),) = [[one.one("path")] for one in shown.all(".curve")]
    (piece,) = path_points(line.attributes["d"])
    assert len(piece) == 5
    xs, ys = [x for x, _ in piece], [y for _, y in piece]
    steps = [after - before for before, after in itertools.pairwise(xs)]
    assert max(steps) - min(steps) < 0.3 and min(steps) > 0
    assert ys[3] < ys[2] < ys[1] < ys[0] and ys[1] == ys[4]  # up is more
    assert ys[0] - ys[1] == pytest.approx(ys[2] - ys[3], abs=0.3)


def test_the_axis_tells_round_numbers_and_hours_of_vietnam() -> None:
    shown = drawn(SERIES, points(*hourly("A", [0.2, 1.4, 0.9])))
    told = shown.texts("text")
    assert {"0,0", "0,5", "1,0", "1,5"} <= set(told) or {"0", "1", "2"} <= set(told)
    # From 10:07 yesterday to 10:07 today: a midnight lies between, and tells the day.
    assert "20/11" in told and {"12:00", "18:00", "06:00"} & set(told)
    assert "· m" in shown.one("h2").text


def test_what_is_missing_is_a_gap() -> None:
    rows = [*hourly("A", [1.0, 1.0, 1.0, None, 2.0, 2.0, 2.0]), (ago(3600), "A", 3.0)]
    shown = drawn(SERIES, points(*rows))
    pieces = path_points(shown.one(".curve").one("path").attributes["d"])
    assert [len(piece) for piece in pieces] == [3, 3]
    # The lonely point at the end is a dot; so is the end of the line.
    assert len(shown.one(".curve").all("circle")) == 2


def test_limits_are_dashed_in_the_colour_of_their_line() -> None:
    level = [1.0, 1.2, 1.4]
    rows = hourly("Kênh", level) + hourly("~Kênh", [1.1] * 3) + hourly("~limit", [2.0] * 3)
    of = tile(
        "series", column("time", "time"),
        column("metric", words={"~limit": Word(vi="Ngưỡng", en="Limit")}), column("value"),
        unit="m", decimals=1, fresh_s=None,
    )  # fmt: skip
    shown = drawn(of, points(*rows))
    classes = [set(one.classes) - {"curve"} for one in shown.all(".curve")]
    assert classes == [{"c0"}, {"c0", "dashed"}, {"c1", "dashed"}]
    assert {"Kênh", "nét đứt", "Ngưỡng", "1,4", "1,1", "2,0"} <= set(shown.texts("text"))
    assert "Limit" in drawn(of, points(*rows), EN).texts("text")


def test_a_series_is_as_old_as_its_newest_measured_point() -> None:
    fresh = points((ago(50), "A", 1.0), (ago(60), "A", 2.0), (ago(-3600), "~A", 9.0))
    shown = drawn(SERIES, fresh).one("section")
    assert float(shown.attributes["data-as-of"]) == ago(50).timestamp()
    assert "stale" not in shown.classes
    old = points((ago(500), "A", 1.0), (ago(5), "A", None), (ago(5), "~A", 9.0))
    stale = drawn(SERIES, old).one("section")
    assert "stale" in stale.classes and stale.one(".old-word").children == ["CŨ 8 phút"]
    two = points(*hourly("A", [1.0] * 4, 4), (ago(4), "B", 2.0))
    assert "CŨ A" in drawn(SERIES, two).texts("text")


def test_a_forecast_goes_on_after_now() -> None:
    rows = hourly("A", [1.0] * 4, 3) + hourly("~A", [1.0, 2.0, 3.0], 0)
    shown = drawn(SERIES, points(*rows), hours=6)
    assert len(shown.all(".now")) == 1
    line, ahead = shown.all(".curve")
    last = path_points(line.one("path").attributes["d"])[-1][-1][0]
    first = path_points(ahead.one("path").attributes["d"])[0][0][0]
    assert first == pytest.approx(last, abs=0.2)
    assert path_points(ahead.one("path").attributes["d"])[0][-1][0] > last + 50
    assert drawn(SERIES, points(*hourly("A", [1.0] * 4, 3)), hours=6).all(".now") == []


def test_labels_do_not_lie_over_one_another() -> None:
    placed = legend.spread([10, 12, 14, 300, 301], 40, 360)
    assert all(b - a >= 40 - 1e-9 for a, b in itertools.pairwise(placed))
    assert placed[0] >= 0 and placed[-1] + 40 <= 360
    assert legend.spread([50, 200], 40, 360) == [50, 200]
    many = points(*(row for n in range(30) for row in hourly(f"Nút giao {n}", [n, n + 1.0, n])))
    shown = drawn(tile("series", *SERIES.columns, size=(6, 4)), many)
    tops = sorted(float(one.attributes["y"]) for one in shown.all(".value"))
    assert all(b - a >= DETAIL for a, b in itertools.pairwise(tops))
    hidden = 30 - len(tops)
    assert hidden > 20 and f"+{hidden} đường" in shown.texts("text")


def test_a_long_line_is_thinned_and_keeps_its_peaks() -> None:
    rows = [(float(n) / 100, 5.0 + (n == 4321) * 50 - (n == 77) * 50) for n in range(10_000)]
    few = curves.thinned(rows, 200)
    assert len(few) <= 4 * 101 and few[0] == rows[0] and few[-1] == rows[-1]
    assert max(y for _, y in few) == 55 and min(y for _, y in few) == -45
    assert [x for x, _ in few] == sorted(x for x, _ in few)


def test_ten_thousand_rows_make_a_small_drawing() -> None:
    assert MOST_ROWS == 5000
    rows = [(NOW - timedelta(seconds=17 * n), f"m{n % 3}", n % 100 / 7) for n in range(MOST_ROWS)]
    body = series.draw(SERIES, points(*rows), Box(900, 400), VI, NOW - timedelta(hours=24))
    assert len(str(body)) < 60_000

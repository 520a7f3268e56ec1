"""Every panel and every alert rule gets its columns from a migrated database, as Grafana's role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from dashboards import ask
from dashboards.query import Range
from dashboards.screen import AS_OF, Column, Tile, Word
from dashboards.screens import SCREENS
from dashboards.targets import filled, names
from ioc.settings import DatabaseSettings
from tests.dashboards.conftest import Fill

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
SITE = {
    "city": "vithanh", "site": "tran-hung-dao", "name_vi": "Trần Hưng Đạo",
    "name_en": "Tran Hung Dao", "city_name_vi": "Vị Thanh", "city_name_en": "Vi Thanh",
    "latitude": 9.78, "longitude": 105.47,
}  # fmt: skip


@pytest.fixture
def reader(migrated: DatabaseSettings) -> Any:
    with psycopg.connect(migrated.url, prepare_threshold=None) as connection:
        yield connection


def test_the_database_answers_every_question(reader: Any) -> None:
    assert ask.faults(reader, NOW) == []


def test_a_panel_that_names_what_its_query_does_not_give_is_told(
    reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = SCREENS[0]
    tile = screen.tiles[0]
    wrong = _tile((*tile.columns, Column(name="nothing", title=Word(vi="x", en="x"))), tile.query)
    monkeypatch.setattr(ask, "SCREENS", (_with(screen, wrong),))
    (fault,) = ask.faults(reader, NOW)
    assert fault.where == f"{screen.uid}/x"
    assert fault.query == tile.query
    assert 'column "nothing" does not exist' in fault.what


def test_an_alert_with_two_numbers_is_told(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "SCREENS", ())
    monkeypatch.setattr(ask, "alert_statement", lambda *_: "SELECT 1 AS value, 2 AS other")
    assert {fault.what for fault in ask.faults(reader, NOW)} == {
        "an alert's query gives columns of text and one number, value"
    }


def test_what_is_asked_changes_nothing(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "SCREENS", ())
    monkeypatch.setattr(
        ask, "alert_statement", lambda *_: "DELETE FROM core_figure RETURNING value"
    )
    assert all(
        "read-only" in fault.what or "denied" in fault.what for fault in ask.faults(reader, NOW)
    )


def test_the_age_of_a_row_is_a_sign_and_a_word(
    wall: psycopg.Connection[Any], fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = _tile((Column(name="what", title=Word(vi="x", en="x")), AS_OF), "given")
    seconds = {"new": 120, "old": 121, "yesterday": 20 * 3600}
    rows = ", ".join(
        f"('{name}', '{NOW - timedelta(seconds=age)}'::timestamptz)"
        for name, age in seconds.items()
    )
    text = f"-- x\nSELECT * FROM (VALUES {rows}, ('never', NULL)) AS given (what, as_of)"
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert {row["what"]: row["as_of"] for row in asked} == {
        "new": "● 11:58:00",
        "old": "▲ Cũ 11:57:59",
        "yesterday": "▲ Cũ 16:00 21/11",
        "never": "○ Không có số liệu",
    }


def test_where_age_means_nothing_none_is_old(
    wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = _tile((AS_OF,), "given", fresh_s=None)
    text = f"SELECT '{NOW - timedelta(days=400)}'::timestamptz AS as_of"
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    (row,) = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert row["as_of"] == "● 12:00 18/10"


@pytest.mark.parametrize(
    ("newest", "told"),
    [(600, "● Dữ liệu lúc"), (601, "▲ Số liệu cũ, lúc")],
)
def test_the_age_of_lines_is_that_of_the_newest_point_that_is_no_limit(
    newest: int, told: str, wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"now": Word(vi="Tuần này", en="x"), "~week": Word(vi="Tuần trước", en="x")}
    tile = _tile(
        (
            Column(name="time", title=Word(vi="x", en="x")),
            Column(name="metric", title=Word(vi="x", en="x"), words=words),
            Column(name="value", title=Word(vi="x", en="x")),
        ),
        "given",
        kind="series",
        fresh_s=600,
    )
    points = [
        (NOW - timedelta(seconds=newest), "now", "1"),
        (NOW, "now", "NULL"),
        (NOW + timedelta(hours=1), "now", "3"),
        (NOW, "~week", "2"),
        (NOW, "~other", "2"),
    ]
    rows = ", ".join(
        f"('{at}'::timestamptz, '{name}', {value}::bigint)" for at, name, value in points
    )
    text = f"SELECT * FROM (VALUES {rows}) AS given (time, metric, value)"
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    at = NOW - timedelta(seconds=newest)
    assert (at, told, at.timestamp() * 1000) in [tuple(row.values()) for row in asked]
    assert {row["metric"] for row in asked} == {told, "Tuần này", "┄ Tuần trước", "┄ other"}
    assert [row["time"] for row in asked] == sorted(row["time"] for row in asked)


def test_lines_without_a_point_have_no_age(
    wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = _tile((), "given", kind="series")
    text = f"SELECT '{NOW}'::timestamptz AS time, '~limit' AS metric, 3 AS value"
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert [row["metric"] for row in asked] == ["┄ limit"]


def test_the_map_tells_states_by_signs(
    wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ("latitude", "longitude", "name", "state", "value", "as_of")
    tile = _tile(
        tuple(Column(name=name, title=Word(vi="x", en="x")) for name in shown), "given", kind="map"
    )
    text = f"""SELECT 9.0 AS latitude, 105.0 AS longitude, 'Cầu ' || state AS name, state,
        1 AS value, '{NOW}'::timestamptz AS as_of
        FROM (VALUES ('ok'), ('warn'), ('alarm'), ('none')) AS given (state)"""
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert [row["label"] for row in asked] == [
        "● Cầu ok",
        "▲ Cầu warn",
        "■ Cầu alarm",
        "○ Cầu none",
    ]
    assert list(asked[0]) == [*names(tile)]


def test_of_many_places_the_map_names_those_that_need_somebody(
    wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ("latitude", "longitude", "name", "state", "value", "as_of")
    tile = _tile(
        tuple(Column(name=name, title=Word(vi="x", en="x")) for name in shown), "given", kind="map"
    )
    text = f"""SELECT 9.0 AS latitude, 105.0 AS longitude, 'Nút ' || number AS name,
        CASE number WHEN 7 THEN 'alarm' ELSE 'ok' END AS state, 1 AS value,
        '{NOW}'::timestamptz AS as_of FROM generate_series(1, 13) AS given (number)"""
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert [row["label"] for row in asked] == [*["●"] * 6, "■ Nút 7", *["●"] * 6]


def test_rows_of_a_heat_map_say_before_their_names_that_they_are_old(
    wall: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = _tile((Column(name="name", title=Word(vi="x", en="x")), AS_OF), "given", kind="heat")
    cells = ", ".join(f"1 AS h{hour:02}" for hour in range(24))
    text = f"""SELECT name, {cells}, '{NOW}'::timestamptz - age AS as_of
        FROM (VALUES (1, '120 s'::interval), (2, '121 s'), (3, NULL)) AS given (name, age)"""
    monkeypatch.setattr("dashboards.query.render", lambda *_: text)
    asked = wall.execute(filled(tile, _range()).encode(), prepare=False).fetchall()
    assert [row["name"] for row in asked] == ["1", "▲ 2", "○ 3"]


def test_places_to_choose_from_have_names_and_stand_for_none_without_any(
    wall: psycopg.Connection[Any], fill: Fill
) -> None:
    def offered(name: str, cities: list[str]) -> list[tuple[Any, ...]]:
        from dashboards.query import render

        asked = wall.execute(render(name, _range(cities)).encode(), prepare=False).fetchall()
        return [tuple(row.values()) for row in asked]

    assert offered("choose-city", []) == [("—", "")]
    assert offered("choose-site", [""]) == [("—", "")]
    fill("site", [SITE])
    fill("device", [{"city": "ngabay", "site": "moi", "device": "cam-1"}])
    assert set(offered("choose-city", [])) == {("ngabay", "ngabay"), ("Vị Thanh", "vithanh")}
    assert offered("choose-site", ["vithanh"]) == [("Trần Hưng Đạo", "tran-hung-dao")]
    assert offered("choose-site", ["ngabay"]) == [("moi", "moi")]


def _range(cities: list[str] | None = None) -> Range:
    return Range.until(NOW, timedelta(hours=24), cities or [], [])


def _tile(columns: tuple[Column, ...], query: str, **more: Any) -> Tile:
    word = Word(vi="x", en="x")
    given: dict[str, Any] = {"kind": "table", **more}
    return Tile(id="x", title=word, says=word, query=query, columns=columns, size=(24, 12), **given)


def _with(screen: Any, tile: Tile) -> Any:
    from dataclasses import replace

    return replace(screen, tiles=(tile,))

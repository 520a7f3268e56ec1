"""Screens say what they show, in two languages, and name what their queries return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import psycopg
import pytest

from console.auth.access import ROUTES
from console.texts import texts
from dashboards import words
from dashboards.query import Range, names, render
from dashboards.screen import AS_OF, MOST_TILES, STATE, STATES, Column, Screen, Tile, Unit, Word
from dashboards.screens import SCREENS
from ioc.events import Rule, VehicleClass
from store.wall import full_minute
from tests.dashboards.conftest import Ask, Fill
from tests.dashboards.loaded import CHOSEN, NOW, Die, midnight
from vision.evidence.overlay import RULE_NAMES

TILES = [(screen, tile) for screen in SCREENS for tile in screen.tiles]
every_tile = pytest.mark.parametrize(
    ("screen", "tile"), TILES, ids=[f"{screen.uid}/{tile.id}" for screen, tile in TILES]
)
every_screen = pytest.mark.parametrize("screen", SCREENS, ids=[screen.uid for screen in SCREENS])

COLUMNS, ROWS = 24, 12
WEEK = timedelta(days=7)
HOURS = [f"h{hour:02}" for hour in range(24)]
_ABNORMAL_VI = ("cảnh báo", "báo động", "bất thường")
_ABNORMAL_EN = ("warning", "alarm", "abnormal")
SIGNS = [sign for sign, _ in STATES.values()]


@pytest.fixture
def asked(wall: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A connection with Grafana's rights to a database in which nothing was stored yet."""
    wall.execute("SET LOCAL ROLE ioc_wall")
    return wall


def result(
    asked: psycopg.Connection[Any], screen: Screen, tile: Tile
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Names and types of the columns, and the rows."""
    chosen = Range.until(NOW, timedelta(hours=screen.span_h), ["vithanh"], ["tran-hung-dao"])
    cursor = asked.execute(render(tile.query, chosen).encode(), prepare=False)
    assert cursor.description is not None
    types = {column.name: column.type_display.split("(")[0] for column in cursor.description}
    assert len(types) == len(cursor.description), "two columns of one name"
    return types, cursor.fetchall()


def said(screen: Screen) -> Iterator[Word]:
    """All titles of a screen, and the words for what its queries return."""
    yield from (screen.title, screen.asks)
    for tile in screen.tiles:
        yield from (tile.title, tile.says)
        for column in tile.columns:
            yield column.title
            # A quantity without a unit has an empty word for it.
            yield from (word for word in column.words.values() if word.vi or word.en)


# --- what a screen is ------------------------------------------------------------------------


def test_seven_screens_in_their_order() -> None:
    assert [screen.title.vi for screen in SCREENS] == [
        "Tổng quan",
        "Giao thông",
        "Vi phạm",
        "Môi trường",
        "Hạ tầng",
        "Chính quyền số",
        "An toàn thông tin",
    ]
    uids = [screen.uid for screen in SCREENS]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids)


@every_screen
def test_a_screen_asks_one_question_and_has_few_tiles(screen: Screen) -> None:
    assert screen.asks.vi.endswith("?") and screen.asks.en.endswith("?")
    assert screen.asks.vi.count("?") == 1
    assert 1 <= len(screen.tiles) <= MOST_TILES
    ids = [tile.id for tile in screen.tiles]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in ids)


@every_screen
def test_tiles_fill_the_screen_in_reading_order(screen: Screen) -> None:
    taken: set[tuple[int, int]] = set()
    for tile in screen.tiles:
        width, height = tile.size
        # The first free place, row by row, as reading goes.
        left, top = min(
            ((x, y) for y in range(ROWS) for x in range(COLUMNS) if (x, y) not in taken),
            key=lambda place: (place[1], place[0]),
        )
        places = {(left + x, top + y) for x in range(width) for y in range(height)}
        assert not places & taken, f"{tile.id} lies on another tile"
        assert left + width <= COLUMNS and top + height <= ROWS, f"{tile.id} leaves the screen"
        taken |= places
    assert len(taken) == COLUMNS * ROWS, "a part of the screen is empty"


@every_screen
def test_every_text_is_there_in_both_languages(screen: Screen) -> None:
    for word in said(screen):
        for text in (word.vi, word.en):
            assert text == text.strip() and text
            assert "  " not in text
    for tile in screen.tiles:
        assert tile.says.vi != tile.says.en
        for text in (tile.says.vi, tile.says.en):
            assert text.endswith(".") and len(text) >= 40
        assert tile.says.vi.isascii() is False


@every_screen
def test_what_is_abnormal_is_said_and_shown_by_more_than_a_colour(screen: Screen) -> None:
    for tile in screen.tiles:
        if STATE in tile.columns:
            for text, calls in ((tile.says.vi, _ABNORMAL_VI), (tile.says.en, _ABNORMAL_EN)):
                assert any(call in text.lower() for call in (*SIGNS[1:], *calls)), tile.id
    assert len(set(SIGNS)) == len(STATES)


@every_tile
def test_a_link_leads_somewhere(screen: Screen, tile: Tile) -> None:
    if tile.link is None:
        return
    if tile.link.startswith("/"):
        assert f"GET {tile.link}" in ROUTES
    else:
        assert tile.link in {other.uid for other in SCREENS} - {screen.uid}


# --- what a tile names -----------------------------------------------------------------------


@every_tile
def test_a_tile_names_the_columns_of_its_kind(screen: Screen, tile: Tile) -> None:
    columns = [column.name for column in tile.columns]
    assert len(set(columns)) == len(columns)
    assert (AS_OF in tile.columns) == (tile.kind != "series")
    assert ("state" in columns) == (STATE in tile.columns)
    match tile.kind:
        case "series":
            assert columns == ["time", "metric", "value"]
        case "map":
            assert columns == ["latitude", "longitude", "name", "state", "value", "as_of"]
        case "heat":
            assert columns[1:25] == HOURS
        case "bars":
            assert len(columns) >= 2 and tile.columns[0].unit == "text"
            assert tile.columns[1].unit != "text"


@every_tile
def test_units_are_known_and_numbers_have_one(screen: Screen, tile: Tile) -> None:
    for column in tile.columns:
        assert column.unit in get_args(Unit)
        assert not column.words or column.unit == "text"
    if tile.kind in ("series", "heat"):
        shown = [one for one in tile.columns if one.name == "value" or one.name in HOURS]
        assert {one.unit for one in shown} == {tile.unit}
    assert tile.unit not in ("text", "time")


@every_tile
def test_a_tile_grows_stale_later_than_its_data_comes(screen: Screen, tile: Tile) -> None:
    assert tile.fresh_s is None or tile.fresh_s >= 20, "a screen is asked for every 10 s"


@every_tile
def test_names_and_types_are_those_of_the_result(
    asked: psycopg.Connection[Any], screen: Screen, tile: Tile
) -> None:
    types, _ = result(asked, screen, tile)
    assert types.keys() == {column.name for column in tile.columns}
    for column in tile.columns:
        assert types[column.name] in _types(column), column.name


def _types(column: Column) -> Sequence[str]:
    if column.unit == "time":
        return ["timestamptz"]
    if column.unit == "text":
        return ["text"]
    # No numeric: it reaches a browser as text.
    return ["int2", "int4", "int8", "float8"]


@every_tile
def test_a_database_without_data_is_no_error(
    asked: psycopg.Connection[Any], screen: Screen, tile: Tile
) -> None:
    _, rows = result(asked, screen, tile)
    assert all(row["state"] in STATES for row in rows if "state" in row)
    if tile.kind == "stat":
        (row,) = rows
        assert row.get("state", "none") == "none"
    if tile.kind == "series":
        assert rows == []


@every_screen
def test_every_query_of_a_screen_is_asked_by_one_of_its_tiles(screen: Screen) -> None:
    asked_for = {tile.query for tile in screen.tiles}
    (prefix,) = {query.partition("-")[0] for query in asked_for}
    assert asked_for == {name for name in names() if name.startswith(f"{prefix}-")}


def test_the_zone_of_the_session_changes_nothing(ask: Ask, fill: Fill, wall: Any) -> None:
    die = Die(1)
    # Clocks in New York went back on the first of November: days there have not all 24 hours.
    now = datetime(2026, 11, 4, 3, 7, tzinfo=UTC)
    fill("device", [die.device(site, "cam-1", now) for site in CHOSEN])
    half = timedelta(minutes=30)
    edges = [midnight(now) - timedelta(days=28), midnight(now) - WEEK, now - WEEK, now - WEEK / 7]
    for site in CHOSEN:
        for edge in (*edges, midnight(now)):
            # More before one edge than before another: what one gains the other must not hide.
            steps = (-half, half) if edge in edges[::2] else (-half, -half, half)
            acts = [die.violation(site, edge + step, "speeding") for step in steps]
            fill("violation", acts)
        for start in (now, now - WEEK):
            flow = [die.flow(site, "cam-1", die.before(start, 86_400), "in-1") for _ in range(12)]
            fill("flow", [*flow, die.flow(site, "cam-1", start, "in-1")])
            live = full_minute(now, now) - (now - start)
            fill("flow_minute", [die.minute(site, "cam-1", live, "in-1")])
    tiles = [(screen.span_h, tile.query) for screen, tile in TILES[:21]]
    told = [ask(query, now, hours=hours) for hours, query in tiles]
    wall.execute("SET LOCAL TIME ZONE 'America/New_York'")
    assert [ask(query, now, hours=hours) for hours, query in tiles] == told


# --- words -----------------------------------------------------------------------------------


def _console(prefix: str) -> dict[str, Word]:
    return {
        key.removeprefix(prefix): Word(**entry)
        for key, entry in texts().items()
        if key.startswith(prefix)
    }


def test_rules_and_vehicles_are_called_as_everywhere() -> None:
    assert _console("rule_") == words.RULES
    assert {rule: Word(vi=name.vi, en=name.en) for rule, name in RULE_NAMES.items()} == words.RULES
    assert _console("vehicle_") == words.VEHICLES
    assert words.RULES.keys() == set(get_args(Rule))
    assert words.VEHICLES.keys() == set(get_args(VehicleClass))


def test_alerts_are_called_as_on_the_live_wall() -> None:
    assert _console("wall_kind_") == words.ALERT_KINDS

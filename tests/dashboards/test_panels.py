"""What Grafana is told of each tile: every field shown, nothing coloured that is normal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dashboards.formats import UNITS
from dashboards.grafana import dashboard, places
from dashboards.screen import STATES, Screen, Tile
from dashboards.screens import SCREENS
from dashboards.targets import names

EVERY = [
    pytest.param(screen, tile, id=f"{screen.uid}/{tile.id}")
    for screen in SCREENS
    for tile in screen.tiles
]
GREY = {"text", "transparent", "#8e8e99"}
"""What is normal, and what has no data."""

OLD = {"▲ ", "○ "}
"""Begin a row's name whose data is old or not there."""

PART = 1920 / 24 - 1
FRAME = 26
"""Pixels of a 24th of a screen of 1920, and those of a tile that are not its table's: as measured
in Grafana 10.1."""


def _panel(screen: Screen, tile: Tile) -> dict[str, Any]:
    panel: dict[str, Any] = dashboard(screen)["panels"][screen.tiles.index(tile)]
    return panel


def _properties(panel: Mapping[str, Any], column: str) -> dict[str, Any]:
    """What the overrides say of a field; a later one wins."""
    found: dict[str, Any] = {}
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        if matcher["id"] == "byName":
            fits = matcher["options"] == column
        else:
            fits = re.search(matcher["options"].strip("/"), column) is not None
        if fits:
            found |= {one["id"]: one["value"] for one in override["properties"]}
    return found


def _colours(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inside in value.items():
            if key in ("color", "fixedColor") and isinstance(inside, str):
                yield inside
            else:
                yield from _colours(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _colours(inside)


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_a_panel_says_what_it_shows_in_both_languages(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    assert panel["title"] == tile.title.vi
    assert tile.says.vi in panel["description"] and tile.says.en in panel["description"]
    assert panel["datasource"]["uid"] == "${datasource}"
    (target,) = panel["targets"]
    assert target["datasource"] == panel["datasource"]
    assert target["rawSql"].count("-- ") >= 1  # the query's own file, with its first line


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_every_field_that_a_panel_names_is_asked_for(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    asked = names(tile)
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        if matcher["id"] == "byName":
            assert matcher["options"] in asked
    if tile.kind == "map":
        (layer,) = panel["options"]["layers"]
        style = layer["config"]["style"]
        shown = [style["color"]["field"], style["text"]["field"]]
        assert {*shown, layer["location"]["latitude"], layer["location"]["longitude"]} < {*asked}
    if tile.kind != "series":
        head = panel["targets"][0]["rawSql"].split("\nFROM (\n", 1)[0]
        assert [
            re.search(r'(?:^|AS )"?(\w+)"?$', part.strip()).group(1)  # type: ignore[union-attr]
            for part in head.removeprefix("SELECT ").split(",\n       ")
        ] == asked


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_units_and_titles(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    if tile.kind == "series":
        # Of a line tenths of a second count, of a waiting time in a table hours do.
        expected = "suffix: s" if tile.unit == "s" else UNITS[tile.unit]
        assert panel["fieldConfig"]["defaults"]["unit"] == expected
        return
    for column in tile.columns:
        told = _properties(panel, column.name)
        if tile.kind == "stat" and column.name in ("state", "as_of"):
            assert told["displayName"] == " "  # they tell themselves, and the tile is small
        else:
            assert told["displayName"] == column.title.vi
        if column.name == "as_of":
            assert told["unit"] == "string"
        elif tile.kind == "heat" and re.fullmatch(r"h\d\d", column.name):
            assert told["unit"] == "none"  # the unit itself stands in the description
        else:
            assert told["unit"] == UNITS[column.unit]
        if column.words and column.name != "state":
            options = told["mappings"][0]["options"]
            plain = {code: one["text"] for code, one in options.items() if code[:2] not in OLD}
            assert plain == {code: word.vi for code, word in column.words.items()}


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_all_columns_of_a_table_are_seen_at_once(screen: Screen, tile: Tile) -> None:
    if tile.kind not in ("table", "bars", "heat"):
        return
    panel = _panel(screen, tile)
    least = panel["fieldConfig"]["defaults"]["custom"]["minWidth"]
    told = [_properties(panel, name) for name in names(tile)]
    shown = [one.get("custom.width", least) for one in told if not one.get("custom.hidden")]
    assert sum(shown) <= tile.size[0] * PART - FRAME, "nobody scrolls on a wall"
    # Grafana makes no column narrower than 50 px, whatever it is told.
    assert min(shown) >= 50
    for one in told:
        if "custom.width" in one and len(one["displayName"]) > 2:
            assert len(one["displayName"]) * 8 < one["custom.width"], one["displayName"]


def test_the_map_comes_close_and_goes_to_its_points() -> None:
    overview = next(screen for screen in SCREENS if screen.uid == "tong-quan")
    (tile,) = (tile for tile in overview.tiles if tile.kind == "map")
    view = _panel(overview, tile)["options"]["view"]
    # "fit" takes the zoom as its closest: with the SDK's 1 the map shows the whole world.
    assert (view["id"], view["zoom"]) == ("fit", 15)


def test_units_are_words_of_vietnamese_or_signs_that_everybody_knows() -> None:
    assert UNITS["count"] == "locale"  # 12.345, where "short" would say 12.3 K
    assert UNITS["veh/h"] == "suffix: xe/h"
    assert UNITS["d"] == "suffix: ngày" and UNITS["h"] == "suffix: giờ"
    assert UNITS["ratio"] == "percentunit" and UNITS["%"] == "percent"
    assert UNITS["ug/m3"] == "conμgm3" and UNITS["g/L"] == "suffix: g/L"
    assert UNITS["m"] == "suffix: m"  # "lengthm" writes 451 mm beside 1.04 m
    assert UNITS["s"] == "dthms"  # "s" says "56 min" and "1 hour"
    assert UNITS["time"].startswith("time:"), "an instant in the screen's time zone"


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_a_state_is_a_sign_a_word_and_a_colour_only_when_abnormal(
    screen: Screen, tile: Tile
) -> None:
    panel = _panel(screen, tile)
    if "state" in names(tile):
        options = _properties(panel, "state")["mappings"][0]["options"]
        for name, (sign, word) in STATES.items():
            assert options[name]["text"].replace("\u00a0", " ") == f"{sign} {word.vi}"
            assert " " not in options[name]["text"], "Grafana would break the line there"
            assert (options[name]["color"] in GREY) == (name in ("ok", "none"))
    quiet = {"fixed", "palette-classic-by-name", "continuous-blues"}
    mode = panel["fieldConfig"]["defaults"]["color"]["mode"]
    assert mode in quiet, "thresholds of Grafana's own would colour numbers that nobody judged"


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_no_other_colour_stands_anywhere(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    found = set(_colours(panel["fieldConfig"]))
    assert found <= GREY | {"orange", "red", "dark-orange", "dark-red"}


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_old_data_is_seen(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    text = panel["targets"][0]["rawSql"]
    word = "Số liệu cũ" if tile.kind == "series" else "▲ Cũ"
    assert (word in text) == (tile.fresh_s is not None)
    if tile.kind == "heat":  # no room for an age beside 24 cells: the row's name says so
        assert _properties(panel, "as_of")["custom.hidden"] is True
        assert "THEN '▲ ' ELSE '' END" in text
    if tile.fresh_s is not None:
        assert f"INTERVAL '{tile.fresh_s:g} seconds'" in text
    if tile.kind == "series":
        told = _properties(panel, "▲ Số liệu cũ, lúc")
        assert told["custom.hideFrom"] == {"legend": False, "tooltip": True, "viz": True}
        assert told["color"]["fixedColor"] == "orange"
        assert _properties(panel, "● Dữ liệu lúc")["color"]["fixedColor"] in GREY
        assert "custom.hideFrom" not in _properties(panel, "Xe máy")
    else:
        stale, never = _properties(panel, "as_of")["mappings"]
        pattern = stale["options"]["pattern"].strip("/")
        assert re.search(pattern, "▲ Cũ 11:57:59")
        assert not re.search(pattern, "● 11:58:00")
        assert re.search(never["options"]["pattern"].strip("/"), "○ Không có số liệu")


def test_limits_are_dashed_and_grey() -> None:
    for screen in SCREENS:
        for tile in screen.tiles:
            if tile.kind == "series":
                told = _properties(_panel(screen, tile), "┄ Ngưỡng")
                assert told["custom.lineStyle"] == {"fill": "dash", "dash": [10, 10]}
                assert told["color"]["fixedColor"] in GREY


@pytest.mark.parametrize(("screen", "tile"), EVERY)
def test_links_lead_on(screen: Screen, tile: Tile) -> None:
    panel = _panel(screen, tile)
    if tile.link is None:
        assert not panel.get("links")
        return
    (link,) = panel["links"]
    if tile.link.startswith("/"):
        assert link["url"] == "${console:raw}" + tile.link
        assert link["targetBlank"] is True
    else:
        assert tile.link in {one.uid for one in SCREENS}, "a screen that there is"
        assert link["url"].startswith(f"/d/{tile.link}?")
        assert "${city:queryparam}" in link["url"] and "${site:queryparam}" in link["url"]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.uid)
def test_a_screen_is_full_and_nothing_overlaps(screen: Screen) -> None:
    cells = [
        (x, y)
        for panel in dashboard(screen)["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) == 24 * 24
    assert {x for x, _ in cells} == set(range(24)) == {y for _, y in cells}


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.uid)
def test_a_screen_looks_at_its_hours_in_vietnam_and_is_changed_nowhere_else(screen: Screen) -> None:
    found = dashboard(screen)
    assert found["title"] == screen.title.vi
    assert screen.asks.vi in found["description"]
    assert found["timezone"] == "Asia/Ho_Chi_Minh"
    assert found["refresh"] == "10s"
    assert found["time"] == {"from": f"now-{screen.span_h}h", "to": "now"}
    assert found["editable"] is False
    assert found["graphTooltip"] == 1
    assert "id" not in found and "version" not in found
    assert [panel["id"] for panel in found["panels"]] == list(range(1, len(screen.tiles) + 1))


def test_cities_and_junctions_can_be_chosen() -> None:
    variables = {one["name"]: one for one in dashboard(SCREENS[0])["templating"]["list"]}
    assert list(variables) == ["datasource", "city", "site", "console"]
    for name in ("city", "site"):
        one = variables[name]
        assert one["multi"] and one["includeAll"]
        assert one["current"]["value"] == ["$__all"]
        assert one["refresh"] == 2  # on each change of the range: every refresh of a wall
    assert "${city:sqlstring}" in variables["site"]["query"]
    assert variables["datasource"]["query"] == "grafana-postgresql-datasource"
    assert variables["datasource"]["current"]["value"] == "ioc"
    assert variables["console"]["skipUrlSync"] is False or variables["console"]["hide"] == 2


def test_the_map_asks_nobody_for_pictures() -> None:
    (panel,) = [
        panel
        for screen in SCREENS
        for panel in dashboard(screen)["panels"]
        if panel["type"] == "geomap"
    ]
    assert panel["options"]["basemap"]["type"] == "xyz"
    assert panel["options"]["basemap"]["config"]["url"].startswith("data:image/gif;base64,")
    assert panel["options"]["view"]["id"] == "fit"


def test_a_row_that_is_too_wide_is_named() -> None:
    screen = replace(
        SCREENS[0], tiles=(SCREENS[0].tiles[0], replace(SCREENS[0].tiles[1], size=(13, 3)))
    )
    with pytest.raises(ValueError, match=r"tong-quan: violations does not fit its row: 12 \+ 13"):
        places(screen)


def test_the_next_row_stands_under_the_tallest_tile() -> None:
    first, second, third, *_ = SCREENS[0].tiles
    screen = replace(
        SCREENS[0],
        tiles=(
            replace(first, size=(20, 5)),
            replace(second, size=(4, 3)),
            replace(third, size=(24, 1)),
        ),
    )
    assert [(place.x, place.y) for place in places(screen)] == [(0, 0), (20, 0), (0, 10)]

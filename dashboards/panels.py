"""A tile as a panel of Grafana, by the SDK's builders.

=========  ===================================================================================
stat       stat panel: every column a number as large as fits, normal ones in the theme's colour
series     lines; limits (``~``) dashed and grey; the age of the newest point stands in the legend
bars       table whose second column is a bar with its number
heat       table whose 24 cells are tinted by their share of the largest, and hold their number
table      table; a state is a sign, a word and, when abnormal, a background
map        points with sign, name and colour of their state, on no map of streets (``maps``)
=========  ===================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, Self

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import geomap, stat, table, timeseries
from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.models import common, dashboard

from dashboards import maps
from dashboards.formats import (
    BACKGROUNDS,
    COLOURS,
    EMPTY,
    FRESH_SIGN,
    NORMAL,
    QUIET,
    STALE_SIGN,
    UNITS,
    WRITTEN,
    age_words,
    is_text,
    properties,
    state_words,
    words,
)
from dashboards.screen import Column, Tile
from dashboards.targets import DATASOURCE, LIMIT_MARK, target

WIDE: Final = 12
"""From this width, in 24ths of the screen, a legend stands beside its lines."""

_CELL_WIDTH: Final = 44
"""Narrowest cell of a heat map, pixels: five digits in Grafana's 14 px."""


class _Panel(Protocol):
    """What the builders of all kinds of panels have in common."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: common.DataSourceRef) -> Self: ...
    def grid_pos(self, grid_pos: dashboard.GridPos) -> Self: ...
    def id(self, id_val: int) -> Self: ...
    def links(self, links: list[cogbuilder.Builder[dashboard.DashboardLink]]) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def with_target(self, target: Any) -> Self: ...
    def override_by_name(
        self, name: str, properties: list[dashboard.DynamicConfigValue]
    ) -> Self: ...
    def build(self) -> dashboard.Panel: ...


def panel(tile: Tile, number: int, place: dashboard.GridPos) -> dashboard.Panel:
    """The panel of a tile.

    Args:
        tile: What it shows.
        number: Its id on its dashboard, from 1.
        place: Where it stands, in Grafana's grid.

    Raises:
        QueryError: The query's file is missing or holds an unknown macro.
    """
    made = _KINDS[tile.kind](tile)
    made.id(number).title(tile.title.vi).description(_description(tile)).grid_pos(place)
    made.datasource(DATASOURCE).with_target(target(tile)).no_value(EMPTY)
    if tile.link is not None:
        made.links([link(tile.link)])
    return made.build()


def link(where: str) -> builders.DashboardLink:
    """A link to another screen, with what is chosen, or to a page of the console."""
    if where.startswith("/"):
        return (
            builders.DashboardLink("Mở bàn làm việc")
            .url("${console:raw}" + where)
            .target_blank(True)
        )
    return builders.DashboardLink("Xem chi tiết").url(
        f"/d/{where}?${{city:queryparam}}&${{site:queryparam}}"
    )


def _description(tile: Tile) -> str:
    """Both languages; a heat map's cells are too narrow for their unit, so it stands here."""
    unit = f"\n\nĐơn vị: {WRITTEN.get(tile.unit, tile.unit)}." if tile.kind == "heat" else ""
    return f"{tile.says.vi}{unit if tile.unit != 'count' else ''}\n\n{tile.says.en}"


def _stat(tile: Tile) -> _Panel:
    # Without sizes of letters Grafana takes the largest that fit the tile, on any screen.
    made = (
        stat.Panel()
        .reduce_options(
            common_builders.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/").values(False)
        )
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .color_scheme(_fixed(NORMAL))
    )
    if tile.link is not None:
        made.data_links([link(tile.link)])
    for column in tile.columns:
        made.override_by_name(column.name, _shown(column, COLOURS))
    return made


def _table(tile: Tile) -> table.Panel:
    made = (
        table.Panel()
        .show_header(True)
        .cell_height(common.TableCellHeight.MD)
        .filterable(False)
        .color_scheme(_fixed(NORMAL))
    )
    for place, column in enumerate(tile.columns):
        more: dict[str, object] = {}
        if column.name == "state":
            more["custom.cellOptions"] = _cell("color-background", mode="basic")
        elif column.name == "as_of":
            more["custom.cellOptions"] = _cell("color-text")
        if place == 0 and tile.link is not None:
            more["links"] = [link(tile.link).build()]
        made.override_by_name(column.name, [*_shown(column, BACKGROUNDS), *properties(more)])
    return made


def _bars(tile: Tile) -> _Panel:
    # The bar has the colour of the frame; the row's state has a column of its own.
    return _table(tile).override_by_name(
        tile.columns[1].name,
        properties(
            {
                "custom.cellOptions": _cell("gauge", mode="basic", valueDisplayMode="text"),
                "min": 0,
                "fieldMinMax": True,
                "color": {"mode": "fixed", "fixedColor": QUIET},
            }
        ),
    )


def _heat(tile: Tile) -> _Panel:
    made = _table(tile).override_by_regexp(
        r"/^h\d\d$/",
        properties(
            {
                "unit": "locale",
                "decimals": tile.decimals,
                "min": 0,
                "noValue": " ",
                "color": {"mode": dashboard.FieldColorModeId.CONTINUOUS_BLUES},
                "custom.cellOptions": _cell("color-background", mode="basic"),
                "custom.minWidth": _CELL_WIDTH,
                "custom.align": "center",
            }
        ),
    )
    titled = {column.name for column in tile.columns}
    for hour in range(24):
        if f"h{hour:02}" not in titled:
            made.override_by_name(f"h{hour:02}", properties({"displayName": str(hour)}))
    return made


def _series(tile: Tile) -> _Panel:
    wide = tile.size[0] >= WIDE
    legend = (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .calcs(["lastNotNull"])
        .display_mode(common.LegendDisplayMode.TABLE if wide else common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.RIGHT if wide else common.LegendPlacement.BOTTOM)
    )
    tooltip = (
        common_builders.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    hidden = {"legend": False, "tooltip": True, "viz": True}
    return (
        timeseries.Panel()
        .unit(UNITS[tile.unit])
        .decimals(tile.decimals)
        .legend(legend)
        .tooltip(tooltip)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.AUTO)
        .color_scheme(
            builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
        )
        .override_by_regexp(
            f"/^{LIMIT_MARK}/",
            properties(
                {
                    "custom.lineStyle": {"fill": "dash", "dash": [10, 10]},
                    "color": {"mode": "fixed", "fixedColor": QUIET},
                }
            ),
        )
        .override_by_regexp(
            f"/^[{FRESH_SIGN}{STALE_SIGN}] /",
            properties(
                {
                    "unit": "dateTimeAsIsoNoDateIfToday",
                    "custom.hideFrom": hidden,
                    "custom.axisPlacement": "hidden",
                    "color": {"mode": "fixed", "fixedColor": QUIET},
                }
            ),
        )
        .override_by_regexp(
            f"/^{STALE_SIGN} /",
            properties({"color": {"mode": "fixed", "fixedColor": COLOURS["warn"]}}),
        )
    )


def _map(tile: Tile) -> _Panel:
    made = (
        geomap.Panel()
        .view(geomap.MapViewConfig().id("fit").all_layers(True).padding(10))
        .controls(
            geomap.ControlsOptions()
            .show_zoom(True)
            .mouse_wheel_zoom(False)
            .show_attribution(False)
            .show_scale(True)
        )
        .basemap(maps.nothing())
        .layers([maps.points()])
        .color_scheme(_fixed(NORMAL))
    )
    for column in tile.columns:
        made.override_by_name(column.name, _shown(column, COLOURS))
    return made


_KINDS: Final = {
    "stat": _stat,
    "series": _series,
    "bars": _bars,
    "heat": _heat,
    "table": _table,
    "map": _map,
}


def _shown(column: Column, colours: Mapping[Any, str]) -> list[dashboard.DynamicConfigValue]:
    """Title, unit and words of a column."""
    values: dict[str, object] = {"displayName": column.title.vi, "unit": UNITS[column.unit]}
    if column.name == "as_of":
        values |= {"unit": "string", "mappings": age_words()}
    elif column.name == "state":
        values |= {"mappings": state_words(colours)}
    elif column.words:
        values |= {"mappings": words(column.words)}
    if not is_text(column):
        values["decimals"] = column.decimals
    return properties(values)


def _cell(kind: str, **more: str) -> dict[str, object]:
    return {"type": kind, **more}


def _fixed(colour: str) -> builders.FieldColor:
    return builders.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour)

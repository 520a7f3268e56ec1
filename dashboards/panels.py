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

from dashboards import maps, widths
from dashboards.formats import (
    AXIS_UNITS,
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
    signed,
    state_words,
    words,
)
from dashboards.screen import Column, Tile
from dashboards.targets import DATASOURCE, LIMIT_MARK, target

WIDE: Final = 12
"""From this width, in 24ths of the screen, a legend stands beside its lines."""

_CLOSEST: Final = 15
"""A map comes no closer: one junction alone is shown with the streets' names of some 2 km around.
The SDK's own limit is 1, the whole world."""

_CELL: Final[Mapping[str, object]] = {
    "unit": "none",
    "min": 0,
    "noValue": " ",
    "color": {"mode": dashboard.FieldColorModeId.CONTINUOUS_BLUES},
    "custom.cellOptions": {"type": "color-background", "mode": "basic"},
    "custom.width": widths.HOUR,
    "custom.align": "center",
}
"""An hour of a heat map. By each one's name: once it has a title, no expression finds it."""


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
        # A sign and a word, a sign and a time: a title would lie over them where they are small.
        title = " " if column.name in ("state", "as_of") else None
        made.override_by_name(column.name, _shown(column, COLOURS, title=title))
    return made


def _table(tile: Tile) -> table.Panel:
    made = (
        table.Panel()
        .show_header(True)
        .cell_height(common.TableCellHeight.MD)
        .filterable(False)
        .min_width(widths.NAME)
        .color_scheme(_fixed(NORMAL))
    )
    hours = _hours(tile)
    for place, column in enumerate(tile.columns):
        if column.name in hours:
            continue
        more: dict[str, object] = {}
        if tile.kind == "bars" and place == 1:
            more = _bar(tile)
        elif (pixels := widths.width(column)) is not None:
            more["custom.width"] = pixels
        if column.name == "state":
            more["custom.cellOptions"] = _cell("color-background", mode="basic")
        elif column.name == "as_of":
            more["custom.cellOptions"] = _cell("color-text")
            if hours:  # beside 24 cells is no room; the row's name says when it is old
                more = {"custom.hidden": True}
        if place == 0 and tile.link is not None:
            more["links"] = [link(tile.link).build()]
        if place == 0 and hours and column.words:
            more["mappings"] = words(signed(column.words))
        made.override_by_name(column.name, [*_shown(column, BACKGROUNDS), *properties(more)])
    for name, title in hours.items():
        cell = {"displayName": title, **_CELL, "decimals": tile.decimals}
        made.override_by_name(name, properties(cell))
    return made


def _bar(tile: Tile) -> dict[str, object]:
    """A bar with its number; it has the colour of the frame, as the row's state has a column."""
    pixels = widths.bar(tile)
    return {
        **({} if pixels is None else {"custom.width": pixels}),
        "custom.cellOptions": _cell("gauge", mode="basic", valueDisplayMode="text"),
        "min": 0,
        "fieldMinMax": True,
        "color": {"mode": "fixed", "fixedColor": QUIET},
    }


def _hours(tile: Tile) -> dict[str, str]:
    """The cells of a heat map with their titles."""
    if tile.kind != "heat":
        return {}
    titled = {column.name: column.title.vi for column in tile.columns}
    return {f"h{hour:02}": titled.get(f"h{hour:02}", str(hour)) for hour in range(24)}


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
        .unit(AXIS_UNITS.get(tile.unit, UNITS[tile.unit]))
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
        .view(geomap.MapViewConfig().id("fit").all_layers(True).padding(30).zoom(_CLOSEST))
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
    "bars": _table,
    "heat": _table,
    "table": _table,
    "map": _map,
}


def _shown(
    column: Column, colours: Mapping[Any, str], *, title: str | None = None
) -> list[dashboard.DynamicConfigValue]:
    """Title, unit and words of a column; ``title`` stands instead of its own."""
    values: dict[str, object] = {
        "displayName": column.title.vi if title is None else title,
        "unit": UNITS[column.unit],
    }
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

"""A screen as a dashboard of Grafana 12 or later, in the classic JSON of schema 42.

The SDK would rather have the second version of that JSON. Grafana 12 reads it only behind a feature
switch; the classic one is read by 12 and 13 alike, from files and over the API.
"""

from __future__ import annotations

import json
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards import query
from dashboards.panels import panel
from dashboards.screen import Screen
from dashboards.targets import DATASOURCE, DATASOURCE_TYPE

DATASOURCE_UID: Final = "ioc"
DATASOURCE_NAME: Final = "IOC"
FOLDER_UID: Final = "ioc"
TAG: Final = "ioc"
"""On every screen: by it each one lists the others."""

REFRESH: Final = "10s"
CONSOLE_URL: Final = "https://review.ioc.example"
"""Stands in the committed files; ``ioc dashboards build --out`` and ``push`` put the real one."""

_ROWS: Final = 2
"""Grafana's rows in one 12th of a screen: 24 rows of 38 px are 912 px, which a screen of 1080 shows
below the bar of its variables, and ``autofitpanels`` stretches to the whole in a kiosk."""


def dashboard(screen: Screen, console_url: str = CONSOLE_URL) -> dict[str, Any]:
    """A screen as Grafana stores it.

    Args:
        screen: What it shows.
        console_url: What people type for the console; links to it begin with this.

    Raises:
        QueryError: A query's file is missing or holds an unknown macro.
    """
    made = (
        builders.Dashboard(screen.title.vi)
        .uid(screen.uid)
        .description(f"{screen.asks.vi}\n\n{screen.asks.en}")
        .tags([TAG])
        .readonly()
        .timezone("Asia/Ho_Chi_Minh")
        .week_start("monday")
        .refresh(REFRESH)
        .time(f"now-{screen.span_h}h", "now")
        .timepicker(builders.TimePicker().refresh_intervals([REFRESH, "30s", "1m", "5m"]))
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables(list(_variables(console_url)))
        .links(list(_links()))
    )
    for number, (tile, place) in enumerate(zip(screen.tiles, places(screen), strict=True), 1):
        made.with_panel(_Built(panel(tile, number, place)))
    # Through JSON, so that what is compared and pushed is what a file holds.
    found: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    return found


def places(screen: Screen) -> list[model.GridPos]:
    """Where the tiles of a screen stand: in reading order, rows of 24, each under the ones above.

    Raises:
        ValueError: The tiles' widths do not fill their rows.
    """
    found = []
    x = y = row = 0
    for tile in screen.tiles:
        width, height = tile.size[0], tile.size[1] * _ROWS
        if x + width > 24:
            raise ValueError(f"{screen.uid}: {tile.id} does not fit its row: {x} + {width} > 24")
        found.append(model.GridPos(x=x, y=y, w=width, h=height))
        x, row = x + width, max(row, height)
        if x == 24:
            x, y, row = 0, y + row, 0
    return found


class _Built(Builder[model.Panel]):
    """A panel that is built already, for a dashboard that asks for builders."""

    def __init__(self, made: model.Panel) -> None:
        self._made = made

    def build(self) -> model.Panel:
        return self._made


def _variables(console_url: str) -> tuple[Builder[model.VariableModel], ...]:
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        builders.DatasourceVariable("datasource")
        .label("Data source")
        .type(DATASOURCE_TYPE)
        .current(model.VariableOption(selected=True, text=DATASOURCE_NAME, value=DATASOURCE_UID))
        .hide(model.VariableHide.HIDE_VARIABLE),
        *(
            builders.QueryVariable(name)
            .label(label)
            .datasource(DATASOURCE)
            .query(query.text(f"choose-{name}"))
            .multi(True)
            .include_all(True)
            .allow_custom_value(False)
            .current(everything)
            # As the range moves with each refresh, a new junction is there without a reload.
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            for name, label in (("city", "Đô thị"), ("site", "Nút giao"))
        ),
        builders.ConstantVariable("console").label("Bàn làm việc").value(console_url),
    )


def _links() -> tuple[builders.DashboardLink, ...]:
    return (
        builders.DashboardLink("Màn hình khác")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(False),
        builders.DashboardLink("Bàn làm việc")
        .type(model.DashboardLinkType.LINK)
        .icon("external link")
        .tooltip("Xét duyệt, thiết bị, nhật ký")
        .url("${console:raw}")
        .target_blank(True),
    )

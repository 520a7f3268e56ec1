"""The layers of the map: points over nothing, so that no tile is fetched from the internet.

An installation with a tile server of its own changes ``nothing`` (docs/dashboards.md).
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as builders
from grafana_foundation_sdk.models import common

from dashboards.formats import QUIET

_CLEAR: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One clear pixel. A layer without an address would get ArcGIS's from Grafana, and the layer named
``default`` CARTO's: the browser would ask the internet for both."""


def nothing() -> builders.MapLayerOptions:
    """The base layer: clear, and asked of nobody."""
    return (
        builders.MapLayerOptions()
        .type("xyz")
        .name("Nền trống")
        .config({"url": _CLEAR, "attribution": ""})
    )


def points() -> builders.MapLayerOptions:
    """A point for each row, in the colour of its state; beside it the state's sign and the name."""
    return (
        builders.MapLayerOptions()
        .type("markers")
        .name("Nút giao")
        .location(
            builders.FrameGeometrySource()
            .mode(common.FrameGeometrySourceMode.COORDS)
            .latitude("latitude")
            .longitude("longitude")
        )
        .config(
            {
                "showLegend": False,
                "style": {
                    "color": {"field": "state", "fixed": QUIET},
                    "opacity": 1,
                    "size": {"fixed": 8, "min": 8, "max": 8},
                    "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
                    "text": {"field": "label", "fixed": "", "mode": "field"},
                    "textConfig": {
                        "fontSize": 22,
                        "offsetX": 0,
                        "offsetY": 20,
                        "textAlign": "center",
                        "textBaseline": "middle",
                    },
                },
            }
        )
        .tooltip(True)
    )

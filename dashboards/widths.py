"""How wide a column of a Grafana table must be, so that a tile shows all of its columns.

Left alone, Grafana makes no column narrower than 150 px and lets what does not fit hang out of the
tile, where nobody on a wall can scroll to it. So each column has the width of what it holds, and
names share what is left.
"""

from __future__ import annotations

from typing import Final

from dashboards.formats import STALE_SIGN, WRITTEN, is_text
from dashboards.screen import STATES, Column, Tile

_LETTER: Final = 7.6
"""Pixels of a letter in Grafana's 14 px tables: mean of Inter over Vietnamese words and digits."""

_PADDING: Final = 18
"""Pixels beside the letters of a cell."""

_TITLE: Final = 8.2
"""Pixels of a letter of a title, which is heavier; beside it is room for the sign of its order."""

NAME: Final = 80
"""Narrowest name, pixels; a longer one ends in an ellipsis and is whole in the tooltip."""

_BAR: Final = 30
"""Pixels of a bar beside its number."""

_NARROW: Final = 8
"""To this width of a tile, in 24ths of a screen, names need more room than bars."""

HOUR: Final = 50
"""Cell of a heat map, pixels: Grafana makes none narrower."""

_SHORT: Final = {"device": 90, "lane": 56, "unit": 64}
"""Names that are short wherever they come from, pixels."""

_STALE: Final = f"{STALE_SIGN} Cũ 10:00:00"
_INSTANT: Final = "08:17 03/12"
_DIGITS: Final = {"level": 1, "%": 3, "ratio": 3, "count": 6, "d": 4, "ms": 5}


def width(column: Column) -> int | None:
    """Pixels of a column with its title, or None for a name, which takes what is left."""
    if column.name == "as_of":
        shown = len(_STALE)
    elif column.name == "state":
        # Of "no data" the sign and two words are seen.
        shown = max(2 + len(word.vi) for name, (_, word) in STATES.items() if name != "none")
    elif column.unit == "time":
        shown = len(_INSTANT)
    elif column.name in _SHORT:
        return _SHORT[column.name]
    elif is_text(column):
        return None
    else:
        unit = {"count": "", "level": ""}.get(column.unit, WRITTEN.get(column.unit, column.unit))
        shown = _DIGITS.get(column.unit, 5) + (column.decimals + 1 if column.decimals else 0)
        shown += len(unit) + (1 if len(unit) > 1 else 0)
    return round(max(shown * _LETTER, len(column.title.vi) * _TITLE) + _PADDING)


def bar(tile: Tile) -> int | None:
    """Pixels of a bar with its number; in a wide tile it shares what is left with the names."""
    number = width(tile.columns[1])
    return number + _BAR if number is not None and tile.size[0] <= _NARROW else None

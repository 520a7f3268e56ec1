"""What a screen of the wall is made of: values that Grafana's builder and the preview both draw.

A tile asks one query and shows its columns. Two columns mean the same everywhere:

``as_of``
    When what the row says was last true; every tile shows its age. Null: there was never anything.
``state``
    ``ok``, ``warn``, ``alarm`` or ``none`` (no data, or nothing to compare with). Thresholds are
    judged in the query, once, and shown as a sign, a word and a colour: never as a colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["stat", "series", "bars", "heat", "table", "map"]
"""How a tile draws the rows of its query.

========  ==================================================================================
stat      one row; every column a large number with its title
series    ``time``, ``metric``, ``value`` and no more, by time: one line for each metric;
          a metric whose name begins with ``~`` is a limit or a comparison, drawn dashed
bars      a row a bar: first column its name, second its length; further ones as text
heat      a row a line: first column its name, ``h00`` to ``h23`` the cells
table     as it comes
map       ``latitude``, ``longitude``, ``name``, ``state``, ``value``, ``as_of``
========  ==================================================================================
"""

Unit = Literal[
    "", "count", "km/h", "veh/h", "%", "m", "mm", "mm/h", "g/L", "ug/m3", "dB", "s", "ms", "d",
    "h", "B", "ratio", "fps", "time", "level", "text",
]  # fmt: skip
"""``ratio`` is 0 to 1 and shown in per cent; ``time`` an instant in Vietnam; ``level`` 0 to 5."""

State = Literal["ok", "warn", "alarm", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """The same in both languages."""

    vi: str
    en: str


STATES: Final[Mapping[State, tuple[str, Word]]] = {
    "ok": ("●", Word(vi="Bình thường", en="Normal")),
    "warn": ("▲", Word(vi="Cảnh báo", en="Warning")),
    "alarm": ("■", Word(vi="Báo động", en="Alarm")),
    "none": ("○", Word(vi="Không có số liệu", en="No data")),
}
"""Sign and word of each state; signs differ in shape, so that nobody needs the colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a result.

    Attributes:
        name: In the result.
        title: Above it.
        unit: Of the values.
        decimals: Shown after the comma.
        words: What values of text mean, where they are no names.
    """

    name: str
    title: Word
    unit: Unit = "text"
    decimals: int = 0
    words: Mapping[str, Word] = field(default_factory=dict)


AS_OF: Final = Column(name="as_of", title=Word(vi="Dữ liệu lúc", en="Data as of"), unit="time")
STATE: Final = Column(
    name="state",
    title=Word(vi="Tình trạng", en="State"),
    words={name: word for name, (_, word) in STATES.items()},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One question of a screen and its answer.

    Attributes:
        id: Short name, unique on its screen: ``[a-z0-9-]``.
        kind: How it is drawn.
        title: What it shows, in few words.
        says: What exactly is counted, from when to when, and when it is abnormal; both languages.
        query: Name of its file in ``dashboards/queries``.
        columns: In the order in which they are shown; ``AS_OF`` is among them, but for a series,
            whose age is that of its newest point.
        size: Width and height, in 24ths of the screen's width and 12ths of its height.
        unit: Of ``value`` in a series, of the cells of a heat map.
        decimals: Of the same.
        fresh_s: Older data is stale, seconds; None where age means nothing (decisions, law).
        link: Where a click leads: uid of a screen, or a path of the console that begins with ``/``.
    """

    id: str
    kind: Kind
    title: Word
    says: Word
    query: str
    columns: tuple[Column, ...]
    size: tuple[int, int]
    unit: Unit = "count"
    decimals: int = 0
    fresh_s: float | None = 120
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One dashboard: one question, at most seven tiles.

    Attributes:
        uid: Grafana's, and the last part of the preview's address.
        title: Its name.
        asks: The one question it answers.
        span_h: Hours up to now that it looks at.
        tiles: In reading order; their widths fill rows of 24.
    """

    uid: str
    title: Word
    asks: Word
    span_h: int
    tiles: tuple[Tile, ...]


MOST_TILES: Final = 7

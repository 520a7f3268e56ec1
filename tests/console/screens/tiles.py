"""Tiles, rows and looks for tests of drawing, and a way to read what was drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from console.screens.answer import Answer
from console.screens.tile import Fault, draw
from console.screens.values import Look
from dashboards.screen import AS_OF, STATE, Column, Kind, Screen, Tile, Unit, Word

NOW = datetime(2026, 11, 20, 3, 7, 40, tzinfo=UTC)
"""10:07:40 in Vietnam."""

VI, EN = Look("vi", NOW), Look("en", NOW)
VOID = {"col", "br", "img", "input", "meta", "link"}


def word(text: str) -> Word:
    return Word(vi=text, en=f"{text} (en)")


def column(name: str, unit: Unit = "text", **more: Any) -> Column:
    return Column(name=name, title=word(name.capitalize()), unit=unit, **more)


def tile(kind: Kind, *columns: Column, size: tuple[int, int] = (12, 6), **more: Any) -> Tile:
    given: dict[str, Any] = {
        "id": "one", "title": word("Ô thử"), "says": word("Điều được đếm"), "query": "age-flow",
    }  # fmt: skip
    return Tile(kind=kind, columns=columns, size=size, **(given | more))


STAT = tile("stat", column("first", "count"), column("second", "km/h", decimals=1), STATE, AS_OF)
SERIES = tile(
    "series", column("time", "time"), column("metric"), column("value"), unit="m", decimals=2
)
BARS = tile("bars", column("name"), column("length", "count"), STATE, AS_OF)
HEAT = tile("heat", column("name"), *(column(f"h{h:02}", "count") for h in range(24)), AS_OF)
TABLE = tile("table", column("name"), STATE, column("speed", "km/h"), column("place"), AS_OF)
MAP = tile(
    "map", column("latitude", ""), column("longitude", ""), column("name"), STATE,
    column("value", "veh/h"), AS_OF, unit="veh/h",
)  # fmt: skip
ALL = (STAT, SERIES, BARS, HEAT, TABLE, MAP)


def screen(*tiles: Tile, uid: str = "thu", span_h: int = 24) -> Screen:
    named = [replace(one, id=f"{one.id}-{number}") for number, one in enumerate(tiles)]
    return Screen(
        uid=uid,
        title=word(f"Màn hình {uid}"),
        asks=word("Hỏi gì?"),
        span_h=span_h,
        tiles=tuple(named),
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def answer(of: Tile, *rows: dict[str, Any]) -> Answer:
    """Rows by the tile's columns; what a row does not name is as usual."""
    names = [one.name for one in of.columns]
    usual = {"as_of": ago(5), "state": "ok"}
    return Answer(
        tuple(names), tuple(tuple((usual | row).get(name) for name in names) for row in rows)
    )


def points(*rows: tuple[datetime, str, Any]) -> Answer:
    return Answer(("time", "metric", "value"), rows)


def drawn(
    of: Tile,
    given: Answer | None,
    look: Look = VI,
    fault: Fault | None = None,
    hours: float = 24,
    **more: Any,
) -> Node:
    """A whole tile as a tree."""
    start = look.now - timedelta(hours=hours)
    return parse(str(draw(of, (0, 0), given, fault, look, start, **more)))


class Node:
    """An element of what was drawn."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node | str] = []

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text in it, with single spaces, without what is hidden by default."""
        parts = [one if isinstance(one, str) else one.text for one in self.children
                 if isinstance(one, str)
                 or not {"old-word", "row-old"} & set(one.classes)]  # fmt: skip
        return re.sub(r"\s+", " ", " ".join(parts)).strip()

    def all(self, query: str) -> list[Node]:
        """Elements of a name, or with a class if it begins with a dot."""
        found = []
        for one in self.children:
            if isinstance(one, Node):
                if one.name == query or (query[0] == "." and query[1:] in one.classes):
                    found.append(one)
                found += one.all(query)
        return found

    def one(self, query: str) -> Node:
        (found,) = self.all(query)
        return found

    def texts(self, query: str) -> list[str]:
        return [one.text for one in self.all(query)]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), attrs
        made = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(html: str) -> Node:
    """A tree; every element must end where it should."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert [node.name for node in parser.open] == ["root"]
    return parser.root

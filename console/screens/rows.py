"""Rows below one another, as tables and bars have them: what stands in their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from console.screens.answer import Record, instant, is_state, old, state_of
from console.screens.values import Look, named, span, title, write
from dashboards.screen import STATES, Column, State, Tile

MOST: Final = 60
"""Rows that are looked at; no tile has room for more."""

SCALED: Final = ("s", "ms", "h", "d", "B", "%", "ratio")
"""Units that go with the size of a number, or are short, stand beside it; others above all."""

Kind = Literal["text", "number", "state", "age"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one column of a row.

    Attributes:
        text: That.
        state: Where it is the word of a state.
        longest: What else may come to stand there.
    """

    text: str
    state: State | None = None
    longest: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        cells: In the order of the heads.
        state: Of the row.
        at: When it was last true.
        old: Whether that is too long ago; where all are old, the whole tile says so.
    """

    cells: tuple[Cell, ...]
    state: State | None
    at: datetime | None
    old: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A column."""

    title: str
    kind: Kind


def kind_of(column: Column) -> Kind:
    """How a column's cells are set."""
    if column.name == "as_of":
        return "age"
    if is_state(column):
        return "state"
    return "text" if column.unit == "text" else "number"


def heads(columns: Sequence[Column], look: Look) -> tuple[Head, ...]:
    """The columns with their titles."""
    return tuple(
        Head(look.say("screens_age") if kind_of(one) == "age" else title(one, look), kind_of(one))
        for one in columns
    )


def rows(tile: Tile, records: Sequence[Record], columns: Sequence[Column], look: Look) -> list[Row]:
    """The rows that a tile may have room for."""
    found = []
    fresh = any(not old(instant(record.get("as_of")), tile, look.now) for record in records)
    for record in records[:MOST]:
        at = instant(record.get("as_of"))
        found.append(
            Row(
                cells=tuple(_cell(record, column, look) for column in columns),
                state=state_of(record),
                at=None if at is None else min(at, look.now),
                old=fresh and old(at, tile, look.now),
            )
        )
    return found


def age(at: datetime, look: Look) -> str:
    """How long ago something was."""
    return span((look.now - at).total_seconds(), look)


def _cell(record: Record, column: Column, look: Look) -> Cell:
    kind = kind_of(column)
    if kind == "state":
        state = state_of({"state": record.get(column.name)}) or "none"
        return Cell(look.word(STATES[state][1]), state)
    if kind == "age":
        at = instant(record.get(column.name))
        longest = look.say("screens_old", age=look.say("wall_minutes", n=99))
        return Cell(look.say("screens_never") if at is None else age(at, look), longest=longest)
    written = write(named(record, column, look), column, look)
    return Cell(str(written) if column.unit in SCALED else written.text)

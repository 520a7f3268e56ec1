"""The rows that a tile's query gave, and what the model reads from them: states and ages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

from dashboards.screen import STATES, Column, State, Tile

MOST_ROWS: Final = 5000
"""Rows of one answer that are drawn; what a tile cannot show anyway need not be fetched."""

HUGE: Final = 1e30
"""Figures are bounded to this: beyond it sums and differences would not be numbers."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave.

    Attributes:
        columns: Names, in order.
        rows: Values in that order.
        cut: There were more than ``MOST_ROWS``.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool = False

    @property
    def records(self) -> list[dict[str, Any]]:
        """Each row by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def missing(self, tile: Tile) -> tuple[str, ...]:
        """Columns that the tile wants and the query did not give; nothing is known of no rows."""
        if not self.rows:
            return ()
        wanted = ["time", "metric", "value"] if tile.kind == "series" else []
        if tile.kind != "series":
            wanted += [column.name for column in tile.columns]
        return tuple(name for name in dict.fromkeys(wanted) if name not in self.columns)


def is_state(column: Column) -> bool:
    """Whether a column's values are states, shown with a sign."""
    return column.words.keys() == STATES.keys()


def shown(tile: Tile) -> tuple[Column, ...]:
    """The columns that are drawn as themselves: not the row's state and age."""
    return tuple(column for column in tile.columns if column.name not in ("state", "as_of"))


def figure(value: object) -> float | None:
    """A value as a number that can be drawn, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, Decimal) and value.is_nan():
        return None
    try:
        number = float(value)
    except OverflowError:
        return HUGE if value > 0 else -HUGE
    if math.isnan(number):
        return None
    return max(-HUGE, min(HUGE, number))


def instant(value: object) -> datetime | None:
    """A value as an instant, or None; what has no time zone is UTC, as the connection is."""
    if not isinstance(value, datetime):
        return None
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


def state_of(record: Record) -> State | None:
    """The state of a row; None where its query judges nothing, ``none`` for what it cannot say."""
    if "state" not in record:
        return None
    said = record["state"]
    return cast(State, said) if isinstance(said, str) and said in STATES else "none"


def newest(values: Iterable[object], end: datetime) -> datetime | None:
    """The newest of some instants; a clock that runs ahead makes nothing younger than now."""
    times = [at for at in map(instant, values) if at is not None]
    return min(max(times), end) if times else None


def as_of(tile: Tile, answer: Answer, end: datetime) -> datetime | None:
    """When a tile's data was last true: its newest row, limits and forecasts left aside."""
    records = answer.records
    if tile.kind == "series":
        return newest(
            (
                row.get("time")
                for row in records
                if not str(row.get("metric")).startswith("~")
                and figure(row.get("value")) is not None
            ),
            end,
        )
    return newest((row.get("as_of") for row in records), end)


def old(at: datetime | None, tile: Tile, end: datetime) -> bool:
    """Whether what was true then is stale now."""
    if at is None or tile.fresh_s is None:
        return False
    return (end - at).total_seconds() > tile.fresh_s


def worst(states: Iterable[State | None]) -> dict[State, int]:
    """How many rows are abnormal, the worst first; nothing of what is normal."""
    told = list(states)
    order: tuple[State, ...] = ("alarm", "warn", "none")
    counts = {state: told.count(state) for state in order}
    return {state: count for state, count in counts.items() if count}

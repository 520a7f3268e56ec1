"""Rows of ``core_figure``: what the parts of the core say of themselves (docs/core-figures.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_INSERT: Final = """
INSERT INTO core_figure (part, figure, label, time, value, unit)
SELECT * FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::double precision[], %s::text[]
)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class CoreFigure:
    """One figure at one instant.

    Attributes:
        part: Who says it, or of whom: ``bridge-1``, ``kafka``, ``host:core-1``, ``console``.
        figure: What it is, such as ``disk_used_share``.
        time: When it was so.
        value: How much.
        unit: ``s``, ``d``, ``B``, ``count``, ``ratio`` (0 to 1); empty for 1 and 0 of a state.
        label: Of what: a topic, a folder, a reason; empty for the whole part.
    """

    part: str
    figure: str
    time: datetime
    value: float
    unit: str = ""
    label: str = ""


async def insert(connection: Connection, figures: Sequence[CoreFigure]) -> int:
    """Store figures in one statement; those that are there already stay as they are.

    Args:
        connection: Any; nothing is committed here.
        figures: Any number of them, in any order.

    Returns:
        How many were new.

    Raises:
        psycopg.DataError: A name holds a character that PostgreSQL refuses; nothing is stored.
    """
    if not figures:
        return 0
    rows = [
        # psycopg dumps no list in which an int stands among floats.
        (one.part, one.figure, one.label, one.time, float(one.value), one.unit)
        for one in figures
    ]
    cursor = await connection.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
    return cursor.rowcount

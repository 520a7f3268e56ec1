"""Where a page of a list ended, as a text that only has to be handed back.

Every text of the right shape is a place, so that there is none that is refused for its meaning.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from store.handover import Place

PATTERN: Final = r"^[0-9a-f]{48}$"
Cursor = Annotated[
    str, Query(pattern=PATTERN, description="From the answer before; only what comes after it.")
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def cursor_of(place: Place) -> str:
    """A place as a text; the year 1970 is the earliest there is."""
    microseconds = max(0, (place.at - _EPOCH) // timedelta(microseconds=1))
    return f"{microseconds:016x}{place.key.hex}"


def place_of(cursor: str) -> Place:
    """The place that a text of ``PATTERN`` stands for."""
    microseconds = min(int(cursor[:16], 16), _MOST)
    return Place(_EPOCH + timedelta(microseconds=microseconds), UUID(hex=cursor[16:]))

"""The tables that rows are written to in bulk: their columns, types and keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ioc.events import (
    Envelope,
    FlowEvent,
    HealthEvent,
    ReadingEvent,
    SignalEvent,
    StatusEvent,
    ViolationEvent,
)


@dataclass(frozen=True)
class Table:
    """A table that rows are written to in bulk.

    Attributes:
        name: Its name.
        columns: The columns of a row, in order; other columns have a default.
        types: PostgreSQL type of each.
        conflict: Columns of the key that recognises a row which is already there.
    """

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    conflict: tuple[str, ...]


def _table(name: str, columns: str, conflict: tuple[str, ...]) -> Table:
    pairs = [part.split(":") for part in columns.split()]
    return Table(name, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), conflict)


_WHO = "id:uuid time:timestamptz city:text site:text device:text bootid:uuid "
_NUMBERED = _WHO + "sequence:int8 replayed:bool adapter:text "

FLOW: Final = _table(
    "flow",
    _NUMBERED + "lane:text period_s:float8 motorcycle:int4 car:int4 bus:int4 truck:int4 "
    "bicycle:int4 three_wheeler:int4 pedestrian:int4 other:int4 total:int8 speed_kmh:float8 "
    "occupancy:float8 queue_m:float8",
    ("id", "time"),
)
READING: Final = _table(
    "reading", _NUMBERED + "quantity:text value:float8 unit:text quality:text", ("id", "time")
)
HEALTH: Final = _table(
    "health",
    _NUMBERED + "uptime_s:float8 fps:float8 dropped_frames:int8 stalls:int8 latency_ms:float8 "
    "spool_depth:int8 spool_bytes:int8 dropped_events:int8 gpu_utilisation:float8 "
    "clock_source:text clock_offset_ms:float8",
    ("id", "time"),
)
VIOLATION: Final = _table(
    "violation",
    _NUMBERED + "rule:text track:int8 vehicle:text act_time:timestamptz confidence:float8 "
    "model_name:text model_sha256:text clock_source:text clock_offset_ms:float8 "
    "frame_first:int8 frame_last:int8 lane:text plate_text:text plate_confidence:float8 "
    "plate_colour:text speed_kmh:float8 calibration:text signal_head:text signal_phase:text "
    "signal_since:timestamptz evidence:jsonb reasons:jsonb signature:text limit_kmh:float8",
    ("id",),
)
SIGNAL: Final = _table("signal", _NUMBERED + "head:text phase:text since:timestamptz", ("id",))
STATUS: Final = _table("status", _WHO + "state:text versions:jsonb", ("id",))
DEAD_LETTER: Final = _table(
    "dead_letter",
    "id:uuid received:timestamptz stage:text topic:text city:text site:text device:text "
    "reason:text field:text detail:text raw:bytea raw_bytes:int8 properties:jsonb bootid:uuid "
    "sequence:int8",
    ("id",),
)

TABLE_OF: Final[dict[type[Envelope], Table]] = {
    ViolationEvent: VIOLATION,
    FlowEvent: FLOW,
    ReadingEvent: READING,
    SignalEvent: SIGNAL,
    HealthEvent: HEALTH,
    StatusEvent: STATUS,
}
"""Where the events of a class are stored."""

EVENT_TABLES: Final[tuple[Table, ...]] = tuple(TABLE_OF.values())
NUMBERED_TABLES: Final[tuple[Table, ...]] = (VIOLATION, FLOW, READING, SIGNAL, HEALTH)
BULK_TABLES: Final[tuple[Table, ...]] = (*EVENT_TABLES, DEAD_LETTER)

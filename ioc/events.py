"""The contract: every message a device may send, as frozen structs.

An event is a CloudEvents 1.0 message in structured JSON mode. Python types, JSON Schema and
AsyncAPI all come from this file (``ioc contract``). Unknown fields are refused.

A numbered event carries ``bootid`` and ``sequence``, which count without gaps from 0 for each
start of a device, so that the core can prove that nothing is missing. A ``status`` has no
number: the offline one is the last will, which the broker sends when the device can not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

MAX_EVENT_BYTES: Final = 64 * 1024
MAX_SEQUENCE: Final = 2**53 - 1  # the largest whole number that JSON readers agree on (RFC 8259)

# Python's "$" also matches before a line break at the end; "(?!\n)" shuts that door and, unlike
# "\Z", means the same to the readers of the JSON Schema.
Name = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9_-]*(?!\n)$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Instant = Annotated[datetime, Meta(tz=True)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]
Whole = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]
Sequence = Whole

VehicleClass = Literal[
    "motorcycle", "car", "bus", "truck", "bicycle", "three_wheeler", "pedestrian", "other"
]
Rule = Literal[
    "red_light",
    "stop_line",
    "wrong_way",
    "speeding",
    "illegal_parking",
    "wrong_lane",
    "no_entry",
    "illegal_turn",
    "no_helmet",
]
Phase = Literal["red", "yellow", "green", "flashing", "off", "unknown"]
PlateColour = Literal["white", "blue", "yellow", "red", "unknown"]

UNITS: Final[dict[str, str]] = {
    "water_level": "m",
    "rain": "mm/h",
    "salinity": "g/L",
    "pm2_5": "ug/m3",
    "noise": "dB[SPL]",
}
"""UCUM unit of each quantity that the dashboards know; another quantity may use any unit."""


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every payload part."""


class Plate(Data, frozen=True, kw_only=True):
    """A plate as read, never corrected: the reviewer's correction is kept beside it."""

    text: Annotated[str, Meta(min_length=1, max_length=16)]
    confidence: Share
    colour: PlateColour = "unknown"


class SignalRef(Data, frozen=True, kw_only=True):
    """What the signal showed at the time of the act."""

    head: Name
    phase: Phase
    since: Instant | None = None


class FrameWindow(Data, frozen=True, kw_only=True):
    """Frames of the source that the decision rests on, counted from 0, both ends included."""

    first: Whole
    last: Whole

    def __post_init__(self) -> None:
        """Refuse a window that ends before it begins."""
        if self.last < self.first:
            raise ValueError(f"last frame {self.last} comes before first frame {self.first}")


class EvidenceRef(Data, frozen=True, kw_only=True):
    """A file that proves the act; it goes to the evidence store, only its digest goes here."""

    role: Literal["clip", "before", "at", "after", "plate", "proxy", "manifest"]
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0, le=MAX_SEQUENCE)]
    media_type: Annotated[str, Meta(min_length=3, max_length=100)]


class ModelRef(Data, frozen=True, kw_only=True):
    """The detector that saw the act."""

    name: Text
    sha256: Sha256


class ClockRef(Data, frozen=True, kw_only=True):
    """How far the device's clock was off, and who said so."""

    source: Literal["ntp", "ptp", "gps", "none"]
    offset_ms: Annotated[float, Meta(ge=-86_400_000, le=86_400_000)] | None = None


class ViolationData(Data, frozen=True, kw_only=True):
    """A proposal to the police: never a fine by itself."""

    rule: Rule
    track: Whole
    vehicle: VehicleClass
    act_time: Instant
    confidence: Share
    model: ModelRef
    clock: ClockRef
    frames: FrameWindow
    lane: Name | None = None
    plate: Plate | None = None
    speed_kmh: Annotated[float, Meta(ge=0, le=400)] | None = None
    limit_kmh: Annotated[float, Meta(gt=0, le=400)] | None = None
    calibration: Text | None = None
    signal: SignalRef | None = None
    evidence: Annotated[tuple[EvidenceRef, ...], Meta(max_length=16)] = ()
    reasons: Annotated[tuple[Text, ...], Meta(max_length=32)] = ()
    signature: Annotated[str, Meta(max_length=200)] | None = None


class FlowData(Data, frozen=True, kw_only=True):
    """Traffic over one lane's counting line during one period that ends at the event's time."""

    lane: Name
    period_s: Annotated[float, Meta(gt=0, le=3600)]
    counts: dict[VehicleClass, Count]
    speed_kmh: Annotated[float, Meta(ge=0, le=400)] | None = None
    occupancy: Share | None = None
    queue_m: Annotated[float, Meta(ge=0, le=10_000)] | None = None


class ReadingData(Data, frozen=True, kw_only=True):
    """One value of a sensor or a city indicator."""

    quantity: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.]*(?!\n)$", min_length=1, max_length=64)]
    value: Annotated[float, Meta(ge=-1e12, le=1e12)]
    unit: Annotated[str, Meta(min_length=1, max_length=32)]
    quality: Literal["good", "suspect", "bad"] = "good"


class SignalData(Data, frozen=True, kw_only=True):
    """A change of a signal head. ``since`` is when the phase began."""

    head: Name
    phase: Phase
    since: Instant


class StatusData(Data, frozen=True, kw_only=True):
    """Whether the device is connected: its birth, or its last will."""

    state: Literal["online", "offline"]
    versions: Annotated[dict[Text, Text], Meta(max_length=32)] = {}


class HealthData(Data, frozen=True, kw_only=True):
    """How the device is; a field that does not fit the kind of device is left out."""

    uptime_s: Annotated[float, Meta(ge=0)]
    fps: Annotated[float, Meta(ge=0, le=1000)] | None = None
    dropped_frames: Count | None = None
    stalls: Count | None = None
    latency_ms: Annotated[float, Meta(ge=0, le=3_600_000)] | None = None
    spool_depth: Count | None = None
    spool_bytes: Whole | None = None
    dropped_events: Count | None = None
    gpu_utilisation: Share | None = None
    clock: ClockRef | None = None


class Envelope(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="type",
):
    """What CloudEvents puts round every payload.

    ``id`` and ``time`` are minted together at the edge and never restamped: the database
    recognises a repeated event by the pair. ``adapter`` names the adapter that translated a
    foreign device's message; such a device gets no receipts and its gaps are not counted.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[str, Meta(min_length=3, max_length=200)]
    time: Instant
    bootid: UUID


class NumberedEnvelope(Envelope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An envelope whose event counts in its device's sequence."""

    sequence: Sequence
    replayed: bool = False
    adapter: Name | None = None


class ViolationEvent(NumberedEnvelope, frozen=True, kw_only=True, tag="vn.ioc.violation.v1"):
    """A camera saw a vehicle break a rule."""

    data: ViolationData


class FlowEvent(NumberedEnvelope, frozen=True, kw_only=True, tag="vn.ioc.flow.v1"):
    """Counts of one lane over one period."""

    data: FlowData


class ReadingEvent(NumberedEnvelope, frozen=True, kw_only=True, tag="vn.ioc.reading.v1"):
    """A sensor's value."""

    data: ReadingData


class SignalEvent(NumberedEnvelope, frozen=True, kw_only=True, tag="vn.ioc.signal.v1"):
    """A signal head changed its phase."""

    data: SignalData


class HealthEvent(NumberedEnvelope, frozen=True, kw_only=True, tag="vn.ioc.health.v1"):
    """A device's own figures."""

    data: HealthData


class StatusEvent(Envelope, frozen=True, kw_only=True, tag="vn.ioc.status.v1"):
    """A device came or went."""

    data: StatusData


NumberedEvent = ViolationEvent | FlowEvent | ReadingEvent | SignalEvent | HealthEvent
Event = NumberedEvent | StatusEvent
Payload = ViolationData | FlowData | ReadingData | SignalData | HealthData
EVENT_CLASSES: Final[tuple[type[Envelope], ...]] = get_args(Event)


def type_of(event: Envelope | type[Envelope]) -> str:
    """The CloudEvents ``type`` of an event or of its class, such as ``vn.ioc.flow.v1``."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


EVENT_OF_PAYLOAD: Final[dict[type[Data], type[NumberedEnvelope]]] = {
    ViolationData: ViolationEvent,
    FlowData: FlowEvent,
    ReadingData: ReadingEvent,
    SignalData: SignalEvent,
    HealthData: HealthEvent,
}
"""Which event carries which payload: what a publisher needs to wrap one."""

_encoder = msgspec.json.Encoder()


def encode(event: Envelope) -> bytes:
    """An event as the bytes that travel: compact JSON in UTF-8."""
    return _encoder.encode(event)

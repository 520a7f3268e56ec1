"""Events for tests, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ioc import events as e
from ioc.ids import derived_uuid7
from ioc.topics import DevicePath
from store.rows import Alert, FlowMinute

CAMERA = DevicePath("vithanh", "tran-hung-dao", "cam-1")
SENSOR = DevicePath("ngabay", "kenh-xang", "water-1")
START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BOOT = derived_uuid7(START, "boot")


def later(seconds: float) -> datetime:
    """So long after ``START``."""
    return START + timedelta(seconds=seconds)


def envelope(
    number: int, path: DevicePath = CAMERA, at: datetime | None = None, boot: UUID = BOOT
) -> dict[str, Any]:
    """The fields of a numbered event; one number gives one id."""
    at = at or later(number)
    return {
        "specversion": "1.0",
        "id": derived_uuid7(at, path.key, str(boot), str(number)),
        "source": path.source,
        "time": at,
        "bootid": boot,
        "sequence": number,
    }


def flow(number: int, path: DevicePath = CAMERA, at: datetime | None = None) -> e.FlowEvent:
    """Counts of one lane."""
    data = e.FlowData(
        lane="lane-1",
        period_s=10.0,
        counts={"motorcycle": number % 7, "car": 2},
        speed_kmh=30.0,
        occupancy=0.25,
        queue_m=4.0,
    )
    return e.FlowEvent(**envelope(number, path, at), data=data)


def reading(number: int, value: float, at: datetime | None = None, **kwargs: Any) -> e.ReadingEvent:
    """A water level."""
    data = e.ReadingData(quantity="water_level", value=value, unit="m", **kwargs)
    return e.ReadingEvent(**envelope(number, SENSOR, at), data=data)


def violation(
    number: int, at: datetime | None = None, boot: UUID = BOOT, **changes: Any
) -> e.ViolationEvent:
    """A rider on red."""
    fields: dict[str, Any] = {
        "rule": "red_light",
        "track": 7,
        "vehicle": "motorcycle",
        "act_time": later(number),
        "confidence": 0.9,
        "model": e.ModelRef(name="yolox-nano", sha256="a" * 64),
        "clock": e.ClockRef(source="ntp", offset_ms=1.5),
        "frames": e.FrameWindow(first=10, last=20),
        "plate": e.Plate(text="95-B1 234.56", confidence=0.8, colour="white"),
        "reasons": ("vượt đèn đỏ",),
        **changes,
    }
    return e.ViolationEvent(**envelope(number, CAMERA, at, boot), data=e.ViolationData(**fields))


def status(
    state: Any, seconds: float, tag: str = "", boot: UUID = BOOT, **versions: str
) -> e.StatusEvent:
    """A birth, goodbye or will of the camera."""
    at = later(seconds)
    return e.StatusEvent(
        specversion="1.0",
        id=derived_uuid7(at, state, tag, str(boot)),
        source=CAMERA.source,
        time=at,
        bootid=boot,
        data=e.StatusData(state=state, versions=versions),
    )


def minute(periods: int, lane: str = "lane-1", **changes: Any) -> FlowMinute:
    """A minute of traffic with that many events in it."""
    fields: dict[str, Any] = {
        "car": 2 * periods,
        "total": 2 * periods,
        "speed_sum": 60.0 * periods,
        "speed_weight": 2 * periods,
        "periods": periods,
        "seen": tuple(flow(number).id for number in range(periods)),
        **changes,
    }
    return FlowMinute(**CAMERA._asdict(), lane=lane, minute=START, **fields)


def alert(number: int, **changes: Any) -> Alert:
    """An open flood alert."""
    fields: dict[str, Any] = {
        "kind": "flood",
        "subject": SENSOR.key,
        **SENSOR._asdict(),
        "raised_at": later(number),
        "value": 1.9,
        "threshold": 1.8,
        "message_vi": "Ngã Bảy: mực nước 1,90 m",
        "message_en": "Ngã Bảy: water level 1.90 m",
        **changes,
    }
    return Alert(id=derived_uuid7(later(number), "alert", str(number)), **fields)

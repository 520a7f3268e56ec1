"""Rows as the core stores them; what a test does not name is as usual."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]

_NUMBERS = count(1)
_BOOT = UUID(int=0)


def _event(at: datetime, city: str, site: str, device: str) -> dict[str, Any]:
    number = next(_NUMBERS)
    return {
        "id": UUID(int=number), "time": at, "city": city, "site": site, "device": device,
        "bootid": _BOOT, "sequence": number, "received": at + timedelta(seconds=1),
        "replayed": False,
    }  # fmt: skip


def reading(
    at: datetime,
    value: float,
    device: str = "water-1",
    quantity: str = "water_level",
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
    unit: str = "m",
    quality: str = "good",
    **more: Any,
) -> Row:
    """A row of ``reading``."""
    return {
        **_event(at, city, site, device), "quantity": quantity, "value": value, "unit": unit,
        "quality": quality, **more,
    }  # fmt: skip


def sensor(
    device: str = "water-1",
    quantity: str = "water_level",
    raise_at: float | None = 1.0,
    clear_at: float | None = 0.8,
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
    unit: str = "m",
    **more: Any,
) -> Row:
    """A row of ``sensor``."""
    return {
        "city": city, "site": site, "device": device, "quantity": quantity, "unit": unit,
        "name_vi": f"Cảm biến {device}", "name_en": f"Sensor {device}", "period_s": 60,
        "raise_at": raise_at, "clear_at": clear_at, **more,
    }  # fmt: skip


def site(
    city: str = "vithanh", site: str = "tran-hung-dao", name: str = "Trần Hưng Đạo", **more: Any
) -> Row:
    """A row of ``site``."""
    names = {"vithanh": "Vị Thanh", "ngabay": "Ngã Bảy"}
    return {
        "city": city, "site": site, "name_vi": name, "name_en": f"{name} (en)",
        "city_name_vi": names.get(city, city), "city_name_en": city, "latitude": 9.78,
        "longitude": 105.47, **more,
    }  # fmt: skip


def device(
    device: str = "cam-1",
    heard: datetime | None = None,
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
    state: str | None = "online",
    **more: Any,
) -> Row:
    """A row of ``device``, heard last at ``heard``."""
    return {
        "city": city, "site": site, "device": device, "state": state, "last_time": heard,
        "last_received": heard, **more,
    }  # fmt: skip


def health(
    at: datetime,
    device: str = "cam-1",
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
    **more: Any,
) -> Row:
    """A row of ``health``."""
    return {
        **_event(at, city, site, device), "uptime_s": 3600.0, "stalls": 0, "spool_depth": 0,
        "dropped_events": 0, "clock_offset_ms": 1.0, **more,
    }  # fmt: skip


def alert(
    kind: str,
    raised_at: datetime,
    device: str | None = None,
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
    **more: Any,
) -> Row:
    """A row of ``alert``, which stands."""
    parts = [city, site] if device is None else [city, site, device]
    return {
        "id": UUID(int=next(_NUMBERS)), "kind": kind, "subject": "/".join(parts), "city": city,
        "site": site, "device": device, "raised_at": raised_at, "cleared_at": None,
        "message_vi": "", "message_en": "", **more,
    }  # fmt: skip


def figure(
    part: str, name: str, at: datetime, value: float, label: str = "", unit: str = ""
) -> Row:
    """A row of ``core_figure``."""
    return {
        "part": part, "figure": name, "label": label, "time": at, "value": value, "unit": unit,
    }  # fmt: skip


def boot(
    device: str,
    received: str,
    since: datetime,
    *,
    city: str = "vithanh",
    site: str = "tran-hung-dao",
) -> Row:
    """A row of ``device_boot`` that has a gap, ``received`` such as ``{[0,5),[7,9)}``."""
    return {
        "city": city, "site": site, "device": device, "bootid": UUID(int=next(_NUMBERS)),
        "received": received, "first_time": since, "last_time": since, "gap_since": since,
    }  # fmt: skip


def letter(at: datetime, reason: str, replayed_at: datetime | None = None) -> Row:
    """A row of ``dead_letter``."""
    return {
        "id": UUID(int=next(_NUMBERS)), "received": at, "stage": "ingest", "topic": "x",
        "reason": reason, "field": "$", "detail": "", "raw": b"", "raw_bytes": 0,
        "properties": "{}", "replayed_at": replayed_at, "replays": int(replayed_at is not None),
    }  # fmt: skip


def audit(sequence: int, at: datetime, action: str) -> Row:
    """A row of ``audit``."""
    return {
        "seq": sequence, "at": at, "actor": "x", "action": action, "subject": "x", "record": "{}",
        "previous": bytes(32), "hash": sequence.to_bytes(32, "big"),
    }  # fmt: skip


def case(created: datetime, **more: Any) -> Row:
    """A row of ``review_case``, which waits for a first decision."""
    return {
        "id": UUID(int=next(_NUMBERS)), "city": "vithanh", "site": "tran-hung-dao",
        "device": "cam-1", "bootid": _BOOT, "track": 1, "vehicle": "car", "rules": ["red_light"],
        "act_first": created, "act_last": created, "deadline": created + timedelta(days=7),
        "created": created, **more,
    }  # fmt: skip


def violation(at: datetime, **more: Any) -> Row:
    """A row of ``violation``."""
    return {
        **_event(at, "vithanh", "tran-hung-dao", "cam-1"), "rule": "red_light", "track": 1,
        "vehicle": "car", "act_time": at, "confidence": 0.9, "model_name": "m",
        "model_sha256": "0" * 64, "clock_source": "ntp", "frame_first": 1, "frame_last": 2,
        "evidence": "[]", "reasons": "[]", **more,
    }  # fmt: skip


def evidence(number: int, received: datetime) -> Row:
    """A row of ``evidence``, whose digest is ``number``."""
    return {
        "sha256": f"{number:064x}", "bytes": 1, "media_type": "application/json",
        "city": "vithanh", "site": "tran-hung-dao", "device": "cam-1", "received": received,
    }  # fmt: skip


def evidence_set(number: int, at: datetime, fault: str | None) -> Row:
    """A row of ``evidence_set``, whose manifest has the digest ``number``."""
    return {
        "manifest": f"{number:064x}", "city": "vithanh", "site": "tran-hung-dao",
        "device": "cam-1", "rule": "red_light", "act_time": at, "key": "k", "fault": fault,
        "content": "{}", "checked": at,
    }  # fmt: skip


def delivery(
    target: str,
    case_id: UUID,
    created: datetime,
    *,
    attempts: int = 0,
    delivered: datetime | None = None,
    abandoned: datetime | None = None,
) -> Row:
    """A row of ``webhook_delivery``."""
    return {
        "id": UUID(int=next(_NUMBERS)), "target": target, "event": f"case.{next(_NUMBERS)}",
        "case_id": case_id, "body": "", "created": created, "attempts": attempts,
        "delivered": delivered, "abandoned": abandoned,
    }  # fmt: skip


def bin_of(time: datetime, width: timedelta) -> datetime:
    """When the bin of an instant began; bins are laid from TimescaleDB's own origin."""
    origin = datetime(2000, 1, 3, tzinfo=UTC)
    return origin + (time - origin) // width * width

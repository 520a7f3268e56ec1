"""Rows for tests of the wall's queries: made by hand or by a seeded die, in the tables' columns."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from ioc.clock import VIETNAM

Row = dict[str, Any]

NOW = datetime(2026, 11, 20, 3, 7, 42, tzinfo=UTC)
"""A Friday, 10:07:42 in Vietnam."""

CLASSES = (
    "motorcycle", "car", "bus", "truck", "bicycle", "three_wheeler", "pedestrian", "other",
)  # fmt: skip


class Site(NamedTuple):
    """A junction."""

    city: str
    site: str


THD = Site("vithanh", "tran-hung-dao")
HV = Site("ngabay", "hung-vuong")
CHOSEN = (THD, HV)
ELSEWHERE = Site("vithanh", "cho-moi")
"""A junction that is not chosen: what happens there changes nothing."""

NAMES: Mapping[Site, str] = {
    THD: "Ngã tư Trần Hưng Đạo",
    ELSEWHERE: "Chợ Mới",
}
"""``HV`` has no row in ``site``, as when no site file was read."""


def place_of(row: Row) -> Site:
    """Where a row is of."""
    return Site(row["city"], row["site"])


def name_of(site: Site) -> str:
    """What the wall calls it."""
    return NAMES.get(site, site.site)


def site_rows(names: Mapping[Site, str] = NAMES) -> list[Row]:
    """Names and places."""
    city = {"vithanh": "Vị Thanh", "ngabay": "Ngã Bảy"}
    return [
        {
            **place._asdict(),
            "name_vi": name,
            "name_en": f"{name} junction",
            "city_name_vi": city[place.city],
            "city_name_en": city[place.city],
            "latitude": 9.78 + number / 100,
            "longitude": 105.47,
        }
        for number, (place, name) in enumerate(names.items())
    ]


def local(at: datetime) -> datetime:
    """The same instant on a clock in Vietnam."""
    return at.astimezone(VIETNAM)


def midnight(at: datetime) -> datetime:
    """When that day began in Vietnam."""
    return local(at).replace(hour=0, minute=0, second=0, microsecond=0)


def minute_of(at: datetime) -> datetime:
    """Its minute."""
    return at.replace(second=0, microsecond=0)


class Die(random.Random):
    """Makes rows; the same seed, the same rows."""

    def uuid(self) -> UUID:
        """An id."""
        return UUID(int=self.getrandbits(128), version=4)

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.random() < share

    def before(self, at: datetime, seconds: float) -> datetime:
        """Some instant in the seconds before, in whole milliseconds."""
        return at - timedelta(milliseconds=self.randrange(1, int(seconds * 1000)))

    def device(self, site: Site, device: str, heard: datetime | None = None, **more: Any) -> Row:
        """A device, and when it was heard last."""
        return {
            **site._asdict(),
            "device": device,
            "state": None if heard is None else "online",
            "last_time": heard,
            "last_received": heard,
            **more,
        }

    def event(self, site: Site, device: str, time: datetime, **more: Any) -> Row:
        """What all events have."""
        return {
            "id": self.uuid(),
            "time": time,
            **site._asdict(),
            "device": device,
            "bootid": UUID(int=1),
            "sequence": self.randrange(1 << 40),
            "received": time + timedelta(seconds=1),
            "replayed": False,
            **more,
        }

    def counts(self, most: int = 9) -> Row:
        """Vehicles by class and in all."""
        counts: Row = {name: self.randrange(most) for name in CLASSES}
        return {**counts, "total": sum(counts.values())}

    def flow(self, site: Site, device: str, time: datetime, lane: str, **more: Any) -> Row:
        """Ten seconds of a lane."""
        return {
            **self.event(site, device, time),
            "lane": lane,
            "period_s": 10.0,
            **self.counts(),
            "speed_kmh": round(self.uniform(2, 60), 2) if self.chance(0.8) else None,
            "queue_m": round(self.uniform(0, 90), 1) if self.chance(0.8) else None,
            **more,
        }

    def minute(self, site: Site, device: str, minute: datetime, lane: str, **more: Any) -> Row:
        """A live window of a lane."""
        counts = self.counts(40)
        weight = self.choice([0, counts["total"]])
        return {
            **site._asdict(),
            "device": device,
            "lane": lane,
            "minute": minute,
            **counts,
            "speed_sum": weight * self.uniform(2, 60),
            "speed_weight": weight,
            "occupancy_sum": 0.0,
            "occupancy_weight": 0.0,
            "queue_m": round(self.uniform(0, 90), 1) if self.chance(0.7) else None,
            "periods": 6,
            "seen": [],
            "level": self.choice([None, 0, 1, 2, 3, 4, 5]),
            **more,
        }

    def violation(self, site: Site, time: datetime, rule: str, **more: Any) -> Row:
        """A proposal, with a plate that no wall may show."""
        return {
            **self.event(site, "cam-1", time),
            "rule": rule,
            "track": self.randrange(1 << 40),
            "vehicle": "motorcycle",
            "act_time": time,
            "confidence": 0.9,
            "model_name": "yolox-nano",
            "model_sha256": "a" * 64,
            "clock_source": "ntp",
            "frame_first": 10,
            "frame_last": 20,
            "plate_text": "95-B1 678.90",
            "evidence": "[]",
            "reasons": "[]",
            **more,
        }

    def alert(self, site: Site, kind: str, raised: datetime, **more: Any) -> Row:
        """An open alert."""
        return {
            "id": self.uuid(),
            "kind": kind,
            "subject": "/".join(site),
            **site._asdict(),
            "device": None,
            "raised_at": raised,
            "cleared_at": None,
            "message_vi": f"{kind} bất thường",
            "message_en": f"{kind} abnormal",
            **more,
        }

    def case(self, site: Site, state: str, deadline: datetime, **more: Any) -> Row:
        """A case of the review; to be stored without the triggers that watch over its way."""
        return {
            "id": self.uuid(),
            **site._asdict(),
            "device": "cam-1",
            "bootid": UUID(int=1),
            "track": self.randrange(1 << 40),
            "vehicle": "motorcycle",
            "rules": ["red_light"],
            "act_first": deadline - timedelta(days=10),
            "act_last": deadline - timedelta(days=10),
            "plate_read": "95-B1 678.90",
            "deadline": deadline,
            "state": state,
            "created": deadline - timedelta(days=10),
            "decided": None,
            **more,
        }


def mean(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Of values with weights; None without any weight."""
    weight = sum(weight for _, weight in pairs)
    return sum(value * w for value, w in pairs) / weight if weight else None

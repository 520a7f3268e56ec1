"""Who sends what in the made-up province that the wall is measured on. Pure.

Junctions, half of them in each city; each has two cameras with two lanes and ten sensors, so fifty
make the 200 lanes and 500 sensors of the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from ioc.events import UNITS
from ioc.ids import derived_uuid7
from ioc.topics import DevicePath

CITIES: Final = {"vithanh": "Vị Thanh", "ngabay": "Ngã Bảy"}
CENTRES: Final = {"vithanh": (9.784, 105.470), "ngabay": (9.816, 105.820)}
CAMERAS: Final = ("cam-1", "cam-2")
LANES: Final = ("in-1", "in-2")
COPIES: Final = 2
"""Sensors of each quantity at a junction."""

FLOW_S: Final = 10
READING_S: Final = 60
CAMERA_HEALTH_S: Final = 10
SENSOR_HEALTH_S: Final = 60


class Probe(NamedTuple):
    """A kind of sensor: the beginning of its ids, its alert's limits, its names."""

    prefix: str
    raise_at: float
    clear_at: float
    vi: str
    en: str


PROBES: Final[dict[str, Probe]] = {
    "water_level": Probe("water", 1.6, 1.4, "Mực nước", "Water level"),
    "rain": Probe("rain", 50.0, 30.0, "Mưa", "Rain"),
    "salinity": Probe("salt", 4.0, 3.0, "Độ mặn", "Salinity"),
    "pm2_5": Probe("dust", 50.0, 45.0, "Bụi PM2.5", "PM2.5"),
    "noise": Probe("noise", 70.0, 67.0, "Tiếng ồn", "Noise"),
}


class Device(NamedTuple):
    """Something that publishes; a camera measures no quantity."""

    path: DevicePath
    bootid: UUID
    quantity: str | None = None

    @property
    def unit(self) -> str:
        """UCUM unit of what it measures."""
        return "" if self.quantity is None else UNITS[self.quantity]


class Lane(NamedTuple):
    """A lane of a camera."""

    device: Device
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How the years are filled: true to life at their end, thinly before.

    Attributes:
        days: In all, before the first load.
        dense_days: The last ones, in which every device sends as often as a real one.
        every_s: Seconds between two rows of a lane or device before that.
    """

    days: int = 730
    dense_days: int = 9
    every_s: int = 14_400


class Province:
    """All junctions with what stands there.

    Args:
        sites: How many junctions.
        seed: The same seed gives the same province and the same rows at the same instants.
    """

    def __init__(self, sites: int, seed: int) -> None:
        self.sites = tuple((tuple(CITIES)[n % 2], f"site-{n:03d}") for n in range(1, sites + 1))
        self.seed = seed

    @cached_property
    def cameras(self) -> tuple[Device, ...]:
        """Two at each junction."""
        return tuple(
            self._device(city, site, camera) for city, site in self.sites for camera in CAMERAS
        )

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """Two of each camera."""
        return tuple(Lane(camera, lane) for camera in self.cameras for lane in LANES)

    @cached_property
    def sensors(self) -> tuple[Device, ...]:
        """Two of each quantity at each junction."""
        return tuple(
            self._device(city, site, f"{probe.prefix}-{copy}", quantity)
            for city, site in self.sites
            for quantity, probe in PROBES.items()
            for copy in range(1, COPIES + 1)
        )

    @cached_property
    def signals(self) -> tuple[Device, ...]:
        """The controller of each junction."""
        return tuple(self._device(city, site, "signals-1") for city, site in self.sites)

    @cached_property
    def offices(self) -> tuple[Device, ...]:
        """What tells of the administration, one in each city."""
        first = dict(reversed(self.sites))
        return tuple(self._device(city, site, "lgsp") for city, site in sorted(first.items()))

    @property
    def devices(self) -> tuple[Device, ...]:
        """Cameras, sensors, controllers and offices."""
        return (*self.cameras, *self.sensors, *self.signals, *self.offices)

    def _device(self, city: str, site: str, device: str, quantity: str | None = None) -> Device:
        path = DevicePath(city, site, device)
        return Device(path, derived_uuid7(_SWITCHED_ON, str(self.seed), path.key), quantity)


_SWITCHED_ON: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stretch of time that one transaction fills.

    Attributes:
        first: Its beginning, which belongs to it.
        last: Its end, which does not.
        dense: Whether devices send as often as real ones.
    """

    first: datetime
    last: datetime
    dense: bool


SPARSE_STEP: Final = timedelta(days=30)


def begin(now: datetime, spread: Spread) -> tuple[datetime, datetime]:
    """When the data begins and from when on it is dense; midnights in UTC.

    Chunks and buckets of a day, an hour and less begin there too, so that a step fills whole ones.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=spread.days)
    return first, max(first, midnight - timedelta(days=spread.dense_days))


def steps(until: datetime, dense_from: datetime, now: datetime) -> Iterator[Step]:
    """What is missing, from ``until`` to the last full minute.

    Args:
        until: Up to here everything is there.
        dense_from: From here on devices send as often as real ones; a midnight.
        now: The present instant.
    """
    end = now.replace(second=0, microsecond=0)
    while until < end:
        if until < dense_from:
            last = min(until + SPARSE_STEP, dense_from)
        else:
            midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
            last = min(midnight + timedelta(days=1), end)
        yield Step(first=until, last=last, dense=until >= dense_from)
        until = last


def as_plan(province: Province, spread: Spread) -> dict[str, Any]:
    """What makes two loads the same, as the database remembers it."""
    return {"seed": province.seed, "sites": len(province.sites), **asdict(spread)}

"""The wall's figures as values: what ``store.wall`` reads and the console shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Place(NamedTuple):
    """A site's key."""

    city: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteName:
    """What people call a site; its key where no site file was read."""

    city: str
    site: str
    name_vi: str
    name_en: str
    city_vi: str
    city_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFlow:
    """Traffic of a site in its last full minute.

    Attributes:
        as_of: Event time of its newest count.
        minute: Start of the minute that the figures speak of.
        level: Congestion of the worst lane, 0 free to 5 jammed; None when nothing was measured.
        speed_kmh: Mean over the vehicles.
        vehicles: All lanes, without pedestrians; None when the minute has no count.
        lanes: Lanes counted.
        congested: Lanes at level 3 or worse.
    """

    city: str
    site: str
    as_of: datetime
    minute: datetime
    level: int | None = None
    speed_kmh: float | None = None
    vehicles: int | None = None
    lanes: int = 0
    congested: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """Proposals of one kind."""

    rule: str
    today: int
    hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """An alert that is not cleared."""

    kind: str
    city: str
    site: str
    device: str | None
    raised_at: datetime
    message_vi: str
    message_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentDevice:
    """A device that should send and does not.

    Attributes:
        since: Last heard; None when never.
    """

    city: str
    site: str
    device: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDevices:
    """How many devices a site has, and how many of them are heard."""

    city: str
    site: str
    total: int
    heard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Newest good value of a sensor.

    Attributes:
        time: Its event time.
        threshold: Limit of the alert that is open about it, else None.
    """

    city: str
    site: str
    device: str
    quantity: str
    value: float
    unit: str
    time: datetime
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Cases that wait for people.

    Attributes:
        first: For a first decision.
        second: For a second one.
        disputed: For a supervisor.
        overdue: Of all these, past their deadline.
        deadline: The nearest one, None without cases.
    """

    first: int
    second: int
    disputed: int
    overdue: int
    deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that the wall shows, at one instant.

    Attributes:
        now: The instant.
        sites: All sites, by key.
        flow: By site; sites without traffic in a day are missing.
        cameras_as_of: When a device that counts traffic was heard last: violations are known up
            to then.
        rules: Today's proposals by kind; kinds without any are missing.
        alerts: The worst ones.
        alerts_total: How many there are.
        judged: Whether somebody judges the alerts.
        devices: By site.
        silent: The first ones, longest silent first.
        devices_as_of: When any device was heard last.
        values: Newest by device and quantity.
        waiting: Pending review.
    """

    now: datetime
    sites: Sequence[SiteName]
    flow: Sequence[SiteFlow]
    cameras_as_of: datetime | None
    rules: Sequence[RuleCount]
    alerts: Sequence[OpenAlert]
    alerts_total: int
    judged: bool
    devices: Sequence[SiteDevices]
    silent: Sequence[SilentDevice]
    devices_as_of: datetime | None
    values: Sequence[Value]
    waiting: Waiting

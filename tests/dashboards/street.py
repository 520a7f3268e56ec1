"""Junctions of two cities with their cameras, and what Python says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.wall import CONGESTED, SILENT_AFTER, full_minute
from tests.dashboards.conftest import Fill
from tests.dashboards.loaded import (
    CHOSEN,
    ELSEWHERE,
    NOW,
    Die,
    Row,
    Site,
    minute_of,
    place_of,
    site_rows,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OURS = ("device_silent", "sequence_gap")


@dataclass
class Street:
    """What two cities sent, with some cameras late, silent or dead."""

    die: Die
    now: datetime
    devices: list[Row] = field(default_factory=list)
    flow: list[Row] = field(default_factory=list)
    minutes: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)

    def load(self, fill: Fill) -> None:
        fill("site", site_rows())
        fill("device", self.devices)
        fill("flow", self.flow)
        fill("flow_minute", self.minutes)
        fill("alert", self.alerts)

    def newest(self, site: Site) -> datetime | None:
        """When the junction counted last, as far as a day ago."""
        found = []
        for camera in {row["device"] for row in self.flow if place_of(row) == site}:
            mine = [
                row
                for row in self.flow
                if (row["city"], row["site"], row["device"]) == (*site, camera)
                and row["time"] > self.now - DAY
            ]
            if mine:
                last = max(mine, key=lambda row: row["time"])
                found.append(min(last["time"], last["received"], self.now))
        return max(found, default=None)

    def live(self, site: Site) -> list[Row]:
        """Its lanes in its last full minute; one that fell silent has none."""
        as_of = self.newest(site)
        if as_of is None or as_of < self.now - SILENT_AFTER:
            return []
        minute = full_minute(as_of, self.now)
        return [
            row
            for row in self.minutes
            if (row["city"], row["site"], row["minute"]) == (*site, minute)
        ]

    def counts(self, site: Site) -> bool:
        return any(place_of(row) == site for row in self.minutes)

    def level(self, site: Site) -> int | None:
        return max((r["level"] for r in self.live(site) if r["level"] is not None), default=None)

    def known(self, site: Site) -> dict[str, bool]:
        """Device → whether it is heard."""
        named = {
            alert["device"]: False
            for alert in self.alerts
            if alert["kind"] == "device_silent"
            and place_of(alert) == site
            and not alert["cleared_at"]
        }
        for row in self.devices:
            if place_of(row) == site:
                heard = row["last_received"] is not None and row["state"] != "offline"
                heard = heard and row["last_received"] >= self.now - SILENT_AFTER
                named.setdefault(row["device"], heard)
        return named

    def open(self, *sites: Site) -> list[Row]:
        return [
            alert
            for alert in self.alerts
            if alert["cleared_at"] is None and any(place_of(alert) == site for site in sites)
        ]


def street(seed: int) -> Street:
    die = Die(seed)
    # Three seconds into a minute nobody takes the minute before for full yet.
    now = NOW.replace(second=die.choice([3, 42]))
    made = Street(die, now)
    for site in (*CHOSEN, ELSEWHERE):
        for camera in ("cam-1", "cam-2"):
            behind = timedelta(seconds=die.choice([0.4, 3, 8, 200, 290, 4000, 90_000]))
            contact = now - min(behind, timedelta(seconds=die.choice([2, 400])))
            if die.chance(0.8):
                made.devices.append(
                    made.die.device(site, camera, contact if die.chance(0.9) else None)
                )
            for step in range(3):
                at = now - behind - timedelta(seconds=10 * step)
                made.flow.append(die.flow(site, camera, at, "in-1"))
            for lane in ("in-1", "in-2"):
                for step in (0, 1, 2, 3, 4, 5, 66, 67, 68):
                    if die.chance(0.8):
                        at = minute_of(now) - timedelta(minutes=step)
                        made.minutes.append(die.minute(site, camera, at, lane))
        made.devices.append(die.device(site, "water-1", now - timedelta(seconds=20)))
        for kind in die.sample(["flood", "queue_spillback", *OURS], die.randrange(3)):
            device = die.choice(["cam-1", "never-heard"]) if kind == "device_silent" else None
            raised = die.before(now, 9000)
            made.alerts.append(die.alert(site, kind, raised, device=device))
            over = {"cleared_at": now - HOUR / 9}
            made.alerts.append(die.alert(site, "rain", raised, **over))
            made.alerts.append(die.alert(site, "device_silent", raised, device="gone", **over))
    # A camera that is not in ``device`` was never heard by the core: its rows are somebody else's.
    there = {(row["city"], row["site"], row["device"]) for row in made.devices}
    made.flow = [r for r in made.flow if (r["city"], r["site"], r["device"]) in there]
    made.minutes = [r for r in made.minutes if (r["city"], r["site"], r["device"]) in there]
    return made


def judged(level: int | None) -> str:
    if level is None:
        return "none"
    return "alarm" if level >= 4 else "warn" if level >= CONGESTED else "ok"


def junctions(fill: Fill, levels: Sequence[int | None], behind: float = 3) -> list[str]:
    """A junction for each level, all of one city; returns their names."""
    die = Die(1)
    names = [f"site-{number}" for number in range(len(levels))]
    at = NOW - timedelta(seconds=behind)
    for name, level in zip(names, levels, strict=True):
        site = Site("vithanh", name)
        fill("device", [die.device(site, "cam-1", NOW)])
        fill("flow", [die.flow(site, "cam-1", at, "in-1")])
        fill("flow_minute", [die.minute(site, "cam-1", full_minute(at, NOW), "in-1", level=level)])
    return names

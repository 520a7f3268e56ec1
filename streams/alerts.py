"""Alerts with hysteresis: what is abnormal now, judged from one snapshot of the database.

Pure: ``judge`` takes what the core knows, which alerts are open, and the time; it gives the alerts
that change. An alert is raised at one limit and cleared at a lower one, so that a value which
trembles round the limit raises it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ioc.camera import Lane
from ioc.ids import uuid7
from ioc.site import Sensor, Site
from ioc.topics import DevicePath
from store.readers import LaneKey, Snapshot
from store.rows import Alert

STALE_READING: Final = timedelta(minutes=30)
"""A reading older than this raises nothing and clears nothing; its sensor is silent instead."""

STALE_QUEUE: Final = timedelta(minutes=5)
"""A queue measured longer ago than this says nothing about now."""


class Finding(NamedTuple):
    """One thing that is watched, as it is now.

    Attributes:
        kind: Kind of the alert it may raise.
        subject: What it is about.
        path: City, site and perhaps device.
        value: What was measured; None when nothing can be said, which changes nothing.
        raise_at: Raised at or above this.
        clear_at: Cleared below this.
        vi: Message in Vietnamese.
        en: Message in English.
    """

    kind: str
    subject: str
    path: tuple[str, str, str | None]
    value: float | None
    raise_at: float
    clear_at: float
    vi: str
    en: str


def judge(sites: Iterable[Site], snapshot: Snapshot, open_alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts that change.

    Args:
        sites: What is watched, and the limits.
        snapshot: What is known.
        open_alerts: Alerts that are raised and not cleared.

    Returns:
        New alerts, and open ones with ``cleared_at`` set; alerts that stay as they are do not
        appear. An open alert of something that is no longer watched is cleared.
    """
    standing = {(alert.kind, alert.subject): alert for alert in open_alerts}
    changes: list[Alert] = []
    watched: set[tuple[str, str]] = set()
    for finding in (f for site in sites for f in findings(site, snapshot)):
        name = (finding.kind, finding.subject)
        watched.add(name)
        alert = standing.get(name)
        if finding.value is None:
            continue
        if alert is None and finding.value >= finding.raise_at:
            changes.append(_raise(finding, snapshot.now))
        elif alert is not None and finding.value < finding.clear_at:
            changes.append(
                replace(alert, cleared_at=snapshot.now, value=finding.value, published=False)
            )
    changes += [
        replace(alert, cleared_at=snapshot.now, published=False)
        for name, alert in standing.items()
        if name not in watched
    ]
    return changes


def findings(site: Site, snapshot: Snapshot) -> Iterator[Finding]:
    """Everything that is watched at a site."""
    for device in site.devices:
        path = site.path(device)
        yield _silence(site, path, snapshot)
        yield _gap(site, path, snapshot)
    for sensor in site.sensors:
        if sensor.alert is not None:
            yield _reading(site, sensor, snapshot)
    for camera in site.cameras:
        for lane in camera.lanes:
            if lane.storage_m is not None:
                yield _queue(site, camera.id, lane, lane.storage_m, snapshot)
    yield _surge(site, snapshot)


def _silence(site: Site, path: DevicePath, snapshot: Snapshot) -> Finding:
    silent = (snapshot.now - snapshot.heard.get(path, snapshot.started)).total_seconds()
    judged = (snapshot.now - snapshot.started).total_seconds()
    limit = site.alerts.silent_after_s
    # A judge that has not listened that long cannot tell a silent device from a core that was
    # away: it would raise an alert for every device, or clear those of devices never heard.
    heard_lately = path in snapshot.heard and silent < limit
    return Finding(
        "device_silent",
        path.key,
        path,
        silent if heard_lately or judged >= limit else None,
        limit,
        limit,
        f"{path.device} tại {site.name.vi}: không có tín hiệu {silent:.0f} giây",
        f"{path.device} at {site.name.en}: silent for {silent:.0f} s",
    )


def _gap(site: Site, path: DevicePath, snapshot: Snapshot) -> Finding:
    gap = snapshot.gaps.get(path)
    age = (snapshot.now - gap.since).total_seconds() if gap else 0.0
    # A gap younger than a spool needs to fill it is not an alert yet, nor the end of one.
    missing = 0.0 if gap is None else float(gap.missing)
    young = gap is not None and age < site.alerts.missing_for_s
    return Finding(
        "sequence_gap",
        path.key,
        path,
        None if young else missing,
        site.alerts.missing_events,
        site.alerts.missing_events,
        f"{path.device} tại {site.name.vi}: thiếu {missing:.0f} bản tin",
        f"{path.device} at {site.name.en}: {missing:.0f} events missing",
    )


READING_KINDS: Final = {
    "water_level": ("flood", "mực nước", "water level"),
    "pm2_5": ("air_quality", "bụi PM2.5", "PM2.5"),
    "salinity": ("salinity", "độ mặn", "salinity"),
    "rain": ("rain", "cường độ mưa", "rain"),
    "noise": ("noise", "tiếng ồn", "noise"),
}
"""Quantity → kind of alert, its name in Vietnamese, in English; others are ``threshold``."""


def _reading(site: Site, sensor: Sensor, snapshot: Snapshot) -> Finding:
    assert sensor.alert is not None
    path = site.path(sensor.id)
    measured = snapshot.readings.get((path, sensor.quantity))
    value: float | None = None
    if measured is not None and snapshot.now - measured.time <= STALE_READING:
        value = measured.value
    kind, vi, en = READING_KINDS.get(
        sensor.quantity, ("threshold", sensor.quantity, sensor.quantity)
    )
    shown = "-" if value is None else f"{value:.2f}"
    limit = sensor.alert.raise_at
    return Finding(
        kind,
        path.key,
        path,
        value,
        limit,
        sensor.alert.clear_at,
        f"{site.name.vi}: {vi} {shown} {sensor.unit}, ngưỡng {limit:g} {sensor.unit}",
        f"{site.name.en}: {en} {shown} {sensor.unit}, threshold {limit:g} {sensor.unit}",
    )


def _queue(site: Site, camera: str, lane: Lane, storage_m: float, snapshot: Snapshot) -> Finding:
    measured = snapshot.queues.get(LaneKey(site.city, site.site, camera, lane.id))
    share: float | None = None
    if measured is not None and snapshot.now - measured.time <= STALE_QUEUE:
        share = measured.value / storage_m
    limits = site.alerts.queue_share
    shown = "-" if measured is None else f"{measured.value:.0f}"
    return Finding(
        "queue_spillback",
        f"{site.city}/{site.site}/{camera}/{lane.id}",
        (site.city, site.site, camera),
        share,
        limits.raise_at,
        limits.clear_at,
        f"{site.name.vi}: hàng chờ {shown} m trên làn {lane.id} dài {storage_m:g} m",
        f"{site.name.en}: queue of {shown} m on lane {lane.id} of {storage_m:g} m",
    )


def _surge(site: Site, snapshot: Snapshot) -> Finding:
    count = snapshot.violations.get((site.city, site.site), 0)
    limits = site.alerts.violations_per_5min
    return Finding(
        "violation_surge",
        f"{site.city}/{site.site}",
        (site.city, site.site, None),
        count,
        limits.raise_at,
        limits.clear_at,
        f"{site.name.vi}: {count} vi phạm trong 5 phút",
        f"{site.name.en}: {count} violations in 5 minutes",
    )


def _raise(finding: Finding, now: datetime) -> Alert:
    city, site, device = finding.path
    return Alert(
        id=uuid7(now),
        kind=finding.kind,
        subject=finding.subject,
        city=city,
        site=site,
        device=device,
        raised_at=now,
        value=finding.value,
        threshold=finding.raise_at,
        message_vi=finding.vi,
        message_en=finding.en,
    )

"""Live one-minute windows of traffic, by event time, that a replay does not change.

A window is a value: its sums and the ids of the events in them. Adding an event that is already in
gives the same window. Windows are written to ``flow_minute`` as absolute values in the transaction
of their events, so the table is right after any crash; what this process holds is only a cache of
it, and a window that is not in it is loaded first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg import AsyncConnection

from ioc.clock import minute_of
from ioc.events import FlowEvent
from ioc.site import Lane, Site
from ioc.topics import DevicePath
from store.rows import FlowMinute, FlowMinuteKey
from store.writers import load_flow_minutes, upsert_flow_minutes

CACHE_LIMIT: Final = 20_000
"""Windows kept; 100 lanes over three hours. The oldest minutes go first."""

SEEN_LIMIT: Final = 240
"""Events in one window; a device that sends more often than four a second is not believed."""

SPEED_LEVELS: Final = (0.85, 0.67, 0.50, 0.40, 0.30)
"""Speed over free speed that still gives level 0, 1, 2, 3, 4; below is 5.

Levels of service A to F of urban streets, Highway Capacity Manual 2010, exhibit 17-2.
"""

OCCUPANCY_LEVELS: Final = (0.07, 0.11, 0.16, 0.22, 0.28)
"""Share of time that a lane is occupied, up to which level 0 to 4 holds.

Only for cameras that measure no speed, and rough: the densities of levels A to E on a basic segment
(Highway Capacity Manual: 7, 11, 16, 22, 28 vehicles per km and lane) times an effective length of
10 m, 5 m of vehicle and 5 m of watched lane.
"""


def add(window: FlowMinute, event: FlowEvent) -> FlowMinute:
    """The window with an event in it; the same window when the event is already in."""
    if event.id in window.seen or len(window.seen) >= SEEN_LIMIT:
        return window
    data = event.data
    changes: dict[str, Any] = {
        name: getattr(window, name) + count for name, count in data.counts.items()
    }
    vehicles = sum(data.counts.values())
    changes["total"] = window.total + vehicles
    if data.speed_kmh is not None and vehicles:
        changes["speed_sum"] = window.speed_sum + data.speed_kmh * vehicles
        changes["speed_weight"] = window.speed_weight + vehicles
    if data.occupancy is not None:
        changes["occupancy_sum"] = window.occupancy_sum + data.occupancy * data.period_s
        changes["occupancy_weight"] = window.occupancy_weight + data.period_s
    if data.queue_m is not None:
        changes["queue_m"] = max(data.queue_m, window.queue_m or 0.0)
    changes["seen"] = (*window.seen, event.id)
    changes["periods"] = window.periods + 1
    return replace(window, **changes)


def key_of(path: DevicePath, event: FlowEvent) -> FlowMinuteKey:
    """The window that an event belongs to.

    The event's time is the end of its period, so a period that ends on the full minute belongs to
    the minute before: the window is that of the period's middle.
    """
    middle = event.time.timestamp() - event.data.period_s / 2
    minute = minute_of(event.time.fromtimestamp(middle, event.time.tzinfo))
    return FlowMinuteKey(*path, event.data.lane, minute)


def congestion(window: FlowMinute, lane: Lane | None) -> int | None:
    """How congested a lane was in a minute.

    Args:
        window: Its sums.
        lane: Its free speed; without a site file only the occupancy is used.

    Returns:
        0 (free) to 5 (jammed); None when the camera measures neither speed nor occupancy.
    """
    if lane is not None and window.speed_kmh is not None:
        share = window.speed_kmh / lane.free_speed_kmh
        return sum(share <= bound for bound in SPEED_LEVELS)
    if window.occupancy is not None:
        return sum(window.occupancy > bound for bound in OCCUPANCY_LEVELS)
    return None


def staged(
    events: Iterable[tuple[DevicePath, FlowEvent]],
    known: Mapping[FlowMinuteKey, FlowMinute],
    lanes: Mapping[tuple[str, str, str, str], Lane],
) -> dict[FlowMinuteKey, FlowMinute]:
    """The windows that a batch touches, with the batch in them.

    Args:
        events: Devices and their events, in any order, repeats allowed.
        known: The windows as they stand; one that is missing begins empty.
        lanes: Lanes by (city, site, camera, lane).
    """
    touched: dict[FlowMinuteKey, FlowMinute] = {}
    for path, event in events:
        key = key_of(path, event)
        window = touched.get(key) or known.get(key) or FlowMinute(**key._asdict())
        touched[key] = add(window, event)
    return {
        key: replace(window, level=congestion(window, lanes.get(key[:4])))
        for key, window in touched.items()
    }


def lanes_of(sites: Iterable[Site]) -> dict[tuple[str, str, str, str], Lane]:
    """All lanes of some sites, by (city, site, camera, lane)."""
    return {
        (site.city, site.site, camera.id, lane.id): lane
        for site in sites
        for camera in site.cameras
        for lane in camera.lanes
    }


class MinuteWindows:
    """The windows that this worker has at hand.

    Args:
        sites: Where lanes get their free speed from.
    """

    def __init__(self, sites: Sequence[Site] = ()) -> None:
        self._lanes = lanes_of(sites)
        self._cache: dict[FlowMinuteKey, FlowMinute] = {}

    def __len__(self) -> int:
        return len(self._cache)

    def forget(self) -> None:
        """Drop the cache: after a rebalance another worker may have written newer windows."""
        self._cache.clear()

    async def write(
        self, connection: AsyncConnection, events: Sequence[tuple[DevicePath, FlowEvent]]
    ) -> Callable[[], None]:
        """Write the windows that a batch touches, in the caller's transaction.

        Returns:
            To be called when the transaction has committed: it brings the cache up to date.
        """
        keys = {key_of(path, event) for path, event in events}
        known = {key: self._cache[key] for key in keys if key in self._cache}
        missing = [key for key in keys if key not in known]
        if missing:
            known |= await load_flow_minutes(connection, missing)
        touched = staged(events, known, self._lanes)
        changed = [window for key, window in touched.items() if window != known.get(key)]
        if changed:
            await upsert_flow_minutes(connection, changed)

        def keep() -> None:
            self._cache.update(touched)
            if len(self._cache) > CACHE_LIMIT:
                newest = sorted(self._cache, key=lambda key: key.minute)[-CACHE_LIMIT // 2 :]
                self._cache = {key: self._cache[key] for key in newest}

        return keep

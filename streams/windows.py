"""Live one-minute windows of traffic, by event time, that a replay does not change.

A window is a value: its sums and the ids of the events in them. Adding an event that is already in
gives the same window. Windows are written to ``flow_minute`` as absolute values in the transaction
of their events, so the table is right after any crash; what this process holds is only a cache of
it, and a window that is not in it is loaded first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, get_args

from msgspec.structs import replace
from psycopg import AsyncConnection

from ioc.camera import Lane
from ioc.clock import minute_of
from ioc.events import FlowEvent, VehicleClass
from ioc.site import Site
from ioc.topics import DevicePath
from store.readers import LaneKey
from store.rows import FlowMinute, FlowMinuteKey
from store.writers import load_flow_minutes, upsert_flow_minutes

CLASSES: Final[tuple[str, ...]] = get_args(VehicleClass)

CACHE_LIMIT: Final = 20_000
"""Windows kept; 100 lanes over three hours. The oldest minutes go first."""

SEEN_LIMIT: Final = 240
"""Events in one window; a device that sends more often than four a second is not believed."""

SPEED_LEVELS: Final = (0.85, 0.67, 0.50, 0.40, 0.30)
"""Speed over free speed above which level 0, 1, 2, 3, 4 holds; at the last one or below it is 5.

Levels of service A to F of urban streets, Highway Capacity Manual 2010, exhibit 17-2.
"""

OCCUPANCY_LEVELS: Final = (0.07, 0.11, 0.16, 0.22, 0.28)
"""Share of time that a lane is occupied, up to which level 0 to 4 holds.

Only for cameras that measure no speed, and rough: the densities of levels A to E on a basic segment
(Highway Capacity Manual: 7, 11, 16, 22, 28 vehicles per km and lane) times an effective length of
10 m, 5 m of vehicle and 5 m of watched lane.
"""


def add(window: FlowMinute, events: Iterable[FlowEvent]) -> FlowMinute:
    """The window with some events in it; the same window when all of them are already in."""
    seen = set(window.seen)
    fresh: list[FlowEvent] = []
    for event in events:
        if event.id not in seen and len(seen) < SEEN_LIMIT:
            seen.add(event.id)
            fresh.append(event)
    if not fresh:
        return window
    counts = {name: getattr(window, name) for name in CLASSES}
    total = window.total
    speed_sum, speed_weight = window.speed_sum, window.speed_weight
    occupancy_sum, occupancy_weight = window.occupancy_sum, window.occupancy_weight
    queue_m = window.queue_m
    for event in fresh:
        data = event.data
        vehicles = 0
        for name, count in data.counts.items():
            counts[name] += count
            vehicles += count
        total += vehicles
        if data.speed_kmh is not None and vehicles:
            speed_sum += data.speed_kmh * vehicles
            speed_weight += vehicles
        if data.occupancy is not None:
            occupancy_sum += data.occupancy * data.period_s
            occupancy_weight += data.period_s
        if data.queue_m is not None:
            queue_m = max(data.queue_m, queue_m or 0.0)
    return replace(
        window,
        **counts,
        total=total,
        speed_sum=speed_sum,
        speed_weight=speed_weight,
        occupancy_sum=occupancy_sum,
        occupancy_weight=occupancy_weight,
        queue_m=queue_m,
        periods=window.periods + len(fresh),
        seen=(*window.seen, *(event.id for event in fresh)),
    )


def key_of(path: DevicePath, event: FlowEvent) -> FlowMinuteKey:
    """The window that an event belongs to.

    The event's time is the end of its period, so a period that ends on the full minute belongs to
    the minute before: the window is that of the period's middle.
    """
    minute = minute_of(event.time - timedelta(seconds=event.data.period_s / 2))
    return FlowMinuteKey(*path, event.data.lane, minute)


def grouped(
    events: Iterable[tuple[DevicePath, FlowEvent]],
) -> dict[FlowMinuteKey, list[FlowEvent]]:
    """Flow events by the window that they belong to."""
    groups: dict[FlowMinuteKey, list[FlowEvent]] = {}
    for path, event in events:
        groups.setdefault(key_of(path, event), []).append(event)
    return groups


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
    groups: Mapping[FlowMinuteKey, Sequence[FlowEvent]],
    known: Mapping[FlowMinuteKey, FlowMinute],
    lanes: Mapping[LaneKey, Lane],
) -> dict[FlowMinuteKey, FlowMinute]:
    """The windows that a batch changes, with the batch in them.

    Args:
        groups: Events by window, in any order, repeats allowed.
        known: The windows as they stand; one that is missing begins empty.
        lanes: Where a lane's free speed comes from.

    Returns:
        Only windows that differ from the known ones.
    """
    changed: dict[FlowMinuteKey, FlowMinute] = {}
    for key, events in groups.items():
        before = known.get(key)
        if before is None:
            city, site, device, name, minute = key
            before = FlowMinute(city=city, site=site, device=device, lane=name, minute=minute)
        after = add(before, events)
        if after is not before:
            level = congestion(after, lanes.get(LaneKey(*key[:4])))
            changed[key] = replace(after, level=level) if level != after.level else after
    return changed


def lanes_of(sites: Iterable[Site]) -> dict[LaneKey, Lane]:
    """All lanes of some sites."""
    return {
        LaneKey(site.city, site.site, camera.id, lane.id): lane
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
        self._generation = 0

    def __len__(self) -> int:
        return len(self._cache)

    def forget(self) -> None:
        """Drop the cache: after a rebalance another worker may have written newer windows."""
        self._cache.clear()
        self._generation += 1

    async def write(
        self, connection: AsyncConnection, events: Sequence[tuple[DevicePath, FlowEvent]]
    ) -> Callable[[], None]:
        """Write the windows that a batch touches, in the caller's transaction.

        Returns:
            To be called when the transaction has committed: it brings the cache up to date.
        """
        generation = self._generation
        groups = grouped(events)
        known = {key: self._cache[key] for key in groups if key in self._cache}
        if len(known) < len(groups):
            known |= await load_flow_minutes(connection, groups.keys() - known.keys())
        changed = staged(groups, known, self._lanes)
        if changed:
            await upsert_flow_minutes(connection, changed.values())

        def keep() -> None:
            if generation != self._generation:  # forgotten while the transaction was under way
                return
            self._cache.update(changed)
            if len(self._cache) > CACHE_LIMIT:
                newest = sorted(self._cache, key=lambda key: key.minute)[-CACHE_LIMIT // 2 :]
                self._cache = {key: self._cache[key] for key in newest}

        return keep

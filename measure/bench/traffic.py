"""Events for benchmarks: real ones of about 340 bytes, made before the clock starts."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ioc.clock import utc_now
from ioc.events import FlowData, FlowEvent, encode
from ioc.ids import uuid7
from ioc.topics import DevicePath

LANES = ("lane-1", "lane-2", "lane-3", "lane-4")
PERIOD_S = 10.0


def devices(count: int) -> list[DevicePath]:
    """Paths of ``count`` cameras, spread over both cities."""
    return [
        DevicePath(("vithanh", "ngabay")[i % 2], f"site-{i // 8:03d}", f"cam-{i:04d}")
        for i in range(count)
    ]


def flow_events(paths: list[DevicePath], count: int) -> list[tuple[DevicePath, FlowEvent]]:
    """Flow events as cameras send them: each lane every ten seconds, sequences without gaps.

    Args:
        paths: The cameras, which take turns.
        count: How many events; their times end now.
    """
    boots: dict[DevicePath, UUID] = {path: uuid7(utc_now()) for path in paths}
    rounds = count // (len(paths) * len(LANES)) + 1
    start = utc_now() - timedelta(seconds=rounds * PERIOD_S)
    events: list[tuple[DevicePath, FlowEvent]] = []
    for i in range(count):
        turn, path = divmod(i, len(paths))
        at = start + timedelta(seconds=(turn // len(LANES)) * PERIOD_S)
        event = FlowEvent(
            specversion="1.0",
            id=uuid7(at),
            source=paths[path].source,
            time=at,
            bootid=boots[paths[path]],
            sequence=turn,
            data=FlowData(
                lane=LANES[turn % len(LANES)],
                period_s=PERIOD_S,
                counts={"motorcycle": 14 + i % 7, "car": 3, "truck": 1},
                speed_kmh=27.5,
                occupancy=0.125,
            ),
        )
        events.append((paths[path], event))
    return events


def flow_messages(paths: list[DevicePath], count: int) -> list[tuple[str, bytes]]:
    """The same as MQTT topics and payloads."""
    return [(path.topic("metric/flow"), encode(event)) for path, event in flow_events(paths, count)]

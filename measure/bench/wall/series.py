"""What cameras and sensors send in a while, as rows for COPY: made up, and always the same. Pure.

The noise of an hour is drawn from the seed, the kind of row and the hour's number (of a day, where
rows are few), so that a load that was interrupted goes on as if it never had been.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from measure.bench.wall import place
from measure.bench.wall.binary import Array, Value, pack, uuids, words
from measure.bench.wall.place import Device, Lane, Province, Step
from store.tables import FLOW, HEALTH, READING, Table
from streams.windows import OCCUPANCY_LEVELS

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_LATENCY_MS: Final = 400
"""From a device to the core."""
_VIETNAM_MS: Final = 7 * HOUR_MS
_SHARES: Final = {
    "motorcycle": 0.74, "car": 0.14, "bus": 0.01, "truck": 0.04,
    "bicycle": 0.02, "three_wheeler": 0.02, "pedestrian": 0.02, "other": 0.01,
}  # fmt: skip
_BAD_SHARE: Final = 0.004

Columns = tuple[tuple[str, str], ...]
Floats = npt.NDArray[np.float64]


def _columns(table: Table) -> Columns:
    return (*zip(table.columns, table.types, strict=True), ("received", "timestamptz"))


MINUTE_COLUMNS: Final[Columns] = (
    *((name, "text") for name in ("city", "site", "device", "lane")),
    ("minute", "timestamptz"),
    *((name, "int8") for name in (*_SHARES, "total")),
    ("speed_sum", "float8"), ("speed_weight", "int8"),
    ("occupancy_sum", "float8"), ("occupancy_weight", "float8"), ("queue_m", "float8"),
    ("periods", "int4"), ("seen", "uuid[]"), ("level", "int2"), ("updated", "timestamptz"),
)  # fmt: skip

COLUMNS: Final[dict[str, Columns]] = {
    **{table.name: _columns(table) for table in (FLOW, READING, HEALTH)},
    "flow_minute": MINUTE_COLUMNS,
}


class Block(NamedTuple):
    """Some rows of a table.

    Attributes:
        table: Which.
        rows: How many.
        content: In the form of binary COPY.
    """

    table: str
    rows: int
    content: bytes


def blocks(province: Province, step: Step, every_s: int) -> Iterator[Block]:
    """All rows of a step, by the hour where it is dense, else by the day.

    Args:
        province: Who sends.
        step: When.
        every_s: Seconds between two rows of a device where the step is not dense.
    """
    groups = _groups(province)
    first, last = _ms(step.first), _ms(step.last)
    length = HOUR_MS if step.dense else DAY_MS
    for turn in range(first // length, -(-last // length)):
        for number, (lanes, devices) in enumerate(groups):
            part = _Part(province.seed, number, turn, length, first, last, step.dense, every_s)
            if lanes:
                yield from _flow(part, lanes)
            if devices[0].quantity is None:
                yield _camera_health(part, devices)
            else:
                yield from _readings(part, devices)
                yield _sensor_health(part, devices)


class _Part(NamedTuple):
    """An hour or a day of one group of devices."""

    seed: int
    group: int
    turn: int
    length_ms: int
    first_ms: int
    last_ms: int
    dense: bool
    every_s: int

    def times(self, period_s: int) -> tuple[Array, slice]:
        """When rows are due in the whole of it, and which of them lie within the step."""
        start, every = self.turn * self.length_ms, 1000 * (period_s if self.dense else self.every_s)
        times = np.arange(start, start + self.length_ms, every, dtype=np.int64)
        bounds = np.searchsorted(times, [self.first_ms, self.last_ms])
        return times, slice(int(bounds[0]), int(bounds[1]))

    def noise(self, kind: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.group, self.turn, kind, self.dense])


def _groups(province: Province) -> list[tuple[list[Lane], list[Device]]]:
    """Devices whose names have one length, for ``pack``; cameras with their lanes."""
    lanes: dict[Any, list[Lane]] = defaultdict(list)
    for lane in province.lanes:
        lanes[lane.device.path.city].append(lane)
    cameras: dict[Any, list[Device]] = defaultdict(list)
    for camera in province.cameras:
        cameras[camera.path.city].append(camera)
    sensors: dict[Any, list[Device]] = defaultdict(list)
    for sensor in province.sensors:
        sensors[sensor.path.city, sensor.quantity].append(sensor)
    return [
        *((lanes[city], found) for city, found in cameras.items()),
        *(([], found) for found in sensors.values()),
    ]


def _flow(part: _Part, lanes: Sequence[Lane]) -> Iterator[Block]:
    times, within = part.times(place.FLOW_S)
    dice = part.noise(0)
    shape = (len(times), len(lanes))
    # What a lane is like is drawn once for all times.
    nature = np.random.default_rng([part.seed, part.group])
    busy, free_kmh = nature.uniform(1.0, 8.0, len(lanes)), nature.uniform(40.0, 60.0, len(lanes))
    load = _rush(times)[:, None] * dice.uniform(0.7, 1.3, shape)
    counts = {
        name: dice.poisson(load * busy * share, shape).astype(np.int64)
        for name, share in _SHARES.items()
    }
    total = np.sum(list(counts.values()), axis=0)
    speed = np.round(free_kmh * (1 - 0.6 * load / 1.3) + dice.normal(0, 2, shape), 1).clip(2)
    occupancy = np.round((0.26 * load * busy / 8).clip(0, 1), 3)
    queue = np.round((70 * (load - 0.6)).clip(0), 1)
    measured = {"speed_kmh": speed, "occupancy": occupancy, "queue_m": queue}
    ids = dice.integers(0, 1 << 64, (*shape, 2), dtype=np.uint64)
    cut = {name: array[within] for name, array in {**counts, "total": total, **measured}.items()}
    rows = cut["total"].size
    if not rows:
        return
    at = np.repeat(times[within], len(lanes))
    who = _who([lane.device for lane in lanes], len(times[within]))
    who["lane"] = np.tile(np.array([lane.lane.encode() for lane in lanes]), len(times[within]))
    yield _block("flow", rows, {
        **who, **_envelope(at, ids[within].reshape(-1, 2)), "period_s": float(place.FLOW_S),
        **{name: array.ravel() for name, array in cut.items()},
    })  # fmt: skip
    yield from _minutes(part, cut, times[within], lanes)


def _minutes(
    part: _Part, cut: dict[str, Array], times: Array, lanes: Sequence[Lane]
) -> Iterator[Block]:
    """The live windows of the same rows. A step begins and ends with a full minute."""
    periods = 60 // place.FLOW_S if part.dense else 1
    minutes = times[::periods] // 60_000 * 60_000

    def summed(array: Array) -> Array:
        made: Array = array.reshape(len(minutes), periods, len(lanes)).sum(axis=1).ravel()
        return made

    who = _who([lane.device for lane in lanes], len(minutes))
    who["lane"] = np.tile(np.array([lane.lane.encode() for lane in lanes]), len(minutes))
    total = summed(cut["total"])
    weight = float(place.FLOW_S * periods)
    occupancy_sum = summed(cut["occupancy"] * place.FLOW_S)
    at = np.repeat(minutes, len(lanes))
    yield _block("flow_minute", len(total), {
        **who, "minute": at, **{name: summed(cut[name]) for name in _SHARES}, "total": total,
        "speed_sum": summed(cut["speed_kmh"] * cut["total"]), "speed_weight": total,
        "occupancy_sum": occupancy_sum, "occupancy_weight": weight,
        "queue_m": cut["queue_m"].reshape(len(minutes), periods, -1).max(axis=1).ravel(),
        "periods": periods, "seen": (),
        "level": np.searchsorted(OCCUPANCY_LEVELS, occupancy_sum / weight),
        "updated": at + 60_000 + _LATENCY_MS,
    })  # fmt: skip


def _readings(part: _Part, sensors: Sequence[Device]) -> Iterator[Block]:
    """Good ones and bad ones, whose words differ in length, in a block each."""
    times, within = part.times(place.READING_S)
    dice = part.noise(1)
    shape = (len(times), len(sensors))
    quantity = sensors[0].quantity or ""
    value = np.round(_values(quantity, times[:, None], dice, shape), 3)
    bad = dice.random(shape) < _BAD_SHARE
    ids = dice.integers(0, 1 << 64, (*shape, 2), dtype=np.uint64)
    who = _who(sensors, len(times[within]))
    at = np.repeat(times[within], len(sensors))
    values: dict[str, Value] = {
        **who, **_envelope(at, ids[within].reshape(-1, 2)), "value": value[within].ravel(),
    }  # fmt: skip
    for quality, chosen in (("good", ~bad[within].ravel()), ("bad", bad[within].ravel())):
        rows = int(chosen.sum())
        if rows:
            of_it = {
                name: array[chosen] if isinstance(array, np.ndarray) else array
                for name, array in values.items()
            }
            names = {"quantity": quantity, "unit": sensors[0].unit, "quality": quality}
            yield _block("reading", rows, {**of_it, **names})


def _values(quantity: str, times: Array, dice: np.random.Generator, shape: Any) -> Floats:
    """What the sensors of a quantity measure: a tide, a day, some noise."""
    hours = times / HOUR_MS
    local = (hours + 7) % 24
    tide = np.sin(2 * math.pi * hours / 12.42) + 0.4 * np.sin(2 * math.pi * hours / 24.84)
    rush = _rush(times.ravel())[:, None]
    noise: Floats = dice.normal(0, 1, shape)
    match quantity:
        case "water_level":
            return 0.8 + 0.55 * tide + 0.02 * noise
        case "rain":  # an afternoon in six
            wet = (np.floor(hours / 24) % 6 == 0) & (local > 13) & (local < 17)
            return np.where(wet, (12 + 8 * noise).clip(0), 0.0 * noise)
        case "salinity":
            return (1.8 + 0.9 * tide + 0.05 * noise).clip(0)
        case "pm2_5":
            return (16 + 22 * rush + 2 * noise).clip(0)
    return 48 + 18 * rush + 1.5 * noise


def _camera_health(part: _Part, cameras: Sequence[Device]) -> Block:
    times, within = part.times(place.CAMERA_HEALTH_S)
    dice = part.noise(2)
    shape = (len(times), len(cameras))
    measured: dict[str, Array] = {
        "fps": np.round(dice.normal(10, 0.2, shape), 2),
        "latency_ms": np.round(np.abs(dice.normal(45, 6, shape)), 1),
        "gpu_utilisation": np.round(dice.uniform(0.2, 0.5, shape), 3),
        "clock_offset_ms": np.round(dice.normal(0, 4, shape), 1),
        "spool_depth": dice.poisson(0.4, shape),
    }
    ids = dice.integers(0, 1 << 64, (*shape, 2), dtype=np.uint64)
    at = np.repeat(times[within], len(cameras))
    depth = measured["spool_depth"][within].ravel()
    return _block("health", len(at), {
        **_who(cameras, len(times[within])), **_envelope(at, ids[within].reshape(-1, 2)),
        **{name: array[within].ravel() for name, array in measured.items()},
        "uptime_s": at % (30 * DAY_MS) / 1000, "dropped_frames": at // HOUR_MS % 720,
        "stalls": at // HOUR_MS % 720 // 240, "spool_bytes": depth * 340, "dropped_events": 0,
        "clock_source": "ntp",
    })  # fmt: skip


def _sensor_health(part: _Part, sensors: Sequence[Device]) -> Block:
    times, within = part.times(place.SENSOR_HEALTH_S)
    ids = part.noise(3).integers(0, 1 << 64, (len(times), len(sensors), 2), dtype=np.uint64)
    at = np.repeat(times[within], len(sensors))
    return _block("health", len(at), {
        **_who(sensors, len(times[within])), **_envelope(at, ids[within].reshape(-1, 2)),
        "uptime_s": at % (30 * DAY_MS) / 1000,
    })  # fmt: skip


def _who(devices: Sequence[Device], times: int) -> dict[str, Value]:
    names = np.array([[part.encode() for part in device.path] for device in devices])
    boots = np.array([words(device.bootid.int) for device in devices], dtype=np.uint64)
    # Each column has its own width: cities of one block are of one length, devices of another.
    columns = {
        name: np.tile(np.array(list(names[:, i])), times)
        for i, name in enumerate(("city", "site", "device"))
    }
    return {**columns, "bootid": np.tile(boots, (times, 1))}


def _envelope(at: Array, noise: npt.NDArray[np.uint64]) -> dict[str, Value]:
    return {
        "id": uuids(at, noise), "time": at, "received": at + _LATENCY_MS,
        "sequence": at // 1000 // place.FLOW_S, "replayed": False,
    }  # fmt: skip


def _block(table: str, rows: int, values: dict[str, Value]) -> Block:
    return Block(table, rows, pack(COLUMNS[table], values, rows))


def _rush(times: Array) -> Floats:
    """How busy the roads are, 0 to 1, by the time of day in Vietnam."""
    hour = (times + _VIETNAM_MS) % DAY_MS / HOUR_MS
    peaks = sum(np.exp(-(((hour - peak) / 1.6) ** 2)) for peak in (7.0, 17.0))
    return np.asarray(0.08 + 0.35 * ((hour > 6) & (hour < 21)) + 0.55 * peaks, dtype=np.float64)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)

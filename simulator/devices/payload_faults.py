"""The catalogue of faults that a payload can have, for ``simulator.devices.poison``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ioc.decode import Reason
from simulator.devices.message_faults import Fault, drop, put, swap


def data_faults() -> Iterator[Fault]:
    """Payloads whose fields are wrong."""

    def fault(tail: str, name: str, value: Any, reason: Reason = Reason.SCHEMA) -> Fault:
        keys = tuple(int(k) if k.isdigit() else k for k in name.split("."))
        label = f"{tail}: data.{name} = {json.dumps(value, ensure_ascii=False)[:40]}"
        edit = put("data", *keys, value=value)
        return Fault(label, frozenset({reason}), (tail,), edit=edit)

    required = {
        "event/violation": ("rule", "track", "vehicle", "act_time", "model", "clock", "frames"),
        "metric/flow": ("lane", "period_s", "counts"),
        "metric/reading": ("quantity", "value", "unit"),
        "state/signal": ("head", "phase", "since"),
        "metric/health": ("uptime_s",),
        "status": ("state",),
    }
    for tail, names in required.items():
        for name in names:
            yield Fault(
                f"{tail}: no data.{name}",
                frozenset({Reason.SCHEMA}),
                (tail,),
                edit=drop("data", name),
            )
        yield fault(tail, "extra", 1)

    nan, infinity = float("nan"), float("inf")
    yield fault("metric/reading", "value", nan, Reason.NOT_A_NUMBER)
    yield fault("metric/reading", "value", infinity, Reason.NOT_A_NUMBER)
    yield fault("metric/reading", "value", -infinity, Reason.NOT_A_NUMBER)
    yield fault("metric/flow", "speed_kmh", nan, Reason.NOT_A_NUMBER)
    yield fault("metric/health", "fps", infinity, Reason.NOT_A_NUMBER)
    yield Fault(
        "value 1e999",
        frozenset({Reason.SCHEMA}),
        ("metric/reading",),
        garble=swap(b"1.25", b"1e999"),
    )
    for unit in ("cm", "M", "", "m ", "metre"):
        reason = Reason.UNIT if unit else Reason.SCHEMA
        yield fault("metric/reading", "unit", unit, reason)
    yield fault("metric/reading", "value", "1.25")
    yield fault("metric/reading", "value", None)
    yield fault("metric/reading", "value", 10**300)
    yield fault("metric/reading", "value", True)
    yield fault("metric/reading", "quantity", "Water Level")
    yield fault("metric/reading", "quantity", "water_level\n")
    yield fault("metric/reading", "quantity", "x" * 65)
    yield fault("metric/reading", "quality", "excellent")
    yield fault("metric/reading", "quality", "\0")
    yield fault("metric/flow", "lane", "Làn 1")
    yield fault("metric/flow", "lane", "lane-1\n")
    yield fault("metric/flow", "period_s", 0)
    yield fault("metric/flow", "period_s", 3601)
    yield fault("metric/flow", "counts", {"spaceship": 1})
    yield fault("metric/flow", "counts", {"car": -1})
    yield fault("metric/flow", "counts", {"car": 2.5})
    yield fault("metric/flow", "counts", [["car", 1]])
    yield fault("metric/flow", "occupancy", 1.01)
    yield fault("metric/flow", "queue_m", -0.5)
    yield fault("event/violation", "rule", "jaywalking")
    yield fault("event/violation", "vehicle", "xe máy")
    yield fault("event/violation", "track", -1)
    yield fault("event/violation", "track", 2**63)
    yield fault("event/violation", "confidence", 1.5)
    yield fault("event/violation", "confidence", "high")
    yield fault("event/violation", "act_time", "2026-11-22 08:00")
    yield fault("event/violation", "frames", {"first": 130, "last": 100})
    yield fault("event/violation", "model.sha256", "abc")
    yield fault("event/violation", "model.sha256", "A" * 64)
    yield fault("event/violation", "plate.text", "")
    yield fault("event/violation", "plate.text", "9" * 17)
    yield fault("event/violation", "plate.colour", "pink")
    yield fault("event/violation", "speed_kmh", 1234)
    yield fault("event/violation", "clock.source", "sundial")
    yield fault("event/violation", "signal.phase", "violet")
    yield fault("event/violation", "evidence.0.bytes", 0)
    yield fault("event/violation", "evidence.0.role", "selfie")
    yield fault("event/violation", "evidence", [{}] * 17)
    yield fault("event/violation", "reasons", ["x"] * 33)
    yield fault("event/violation", "reasons", "crossed the line")
    yield fault("state/signal", "phase", "RED")
    yield fault("state/signal", "phase", ["red"])
    yield fault("state/signal", "head", "")
    yield fault("state/signal", "since", None)
    yield fault("metric/health", "uptime_s", -1)
    yield fault("metric/health", "fps", 5000)
    yield fault("metric/health", "spool_depth", 1.5)
    yield fault("metric/health", "gpu_utilisation", 87)
    yield fault("status", "state", "asleep")
    yield fault("status", "versions", {f"part-{i}": "1" for i in range(33)})


def database_faults() -> Iterator[Fault]:
    """Valid JSON and a valid event, yet PostgreSQL has no NUL in text, nor in JSON.

    None on a status: it has no number by which an account could name it in the dead letters.
    """

    def fault(tail: str, name: str, value: Any) -> Fault:
        edit = put("data", *name.split("."), value=value)
        return Fault(
            f"{tail}: NUL in data.{name}", frozenset({Reason.DATABASE}), (tail,), edit=edit
        )

    yield fault("event/violation", "plate.text", "95B1\x00123")
    yield fault("event/violation", "model.name", "yolox\x00")
    yield fault("event/violation", "reasons", ["crossed \x00 the line"])
    yield fault("event/violation", "calibration", "\x00")
    yield Fault(
        "metric/reading: NUL in data.unit",
        frozenset({Reason.DATABASE}),
        ("metric/reading",),
        edit=lambda d: d["data"].update(quantity="wind", unit="m/s\x00"),
    )

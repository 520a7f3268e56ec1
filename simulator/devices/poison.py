"""Bad input on purpose: every way we know in which a message can break the contract.

``poison_cases`` makes any number of distinct bad messages for one device, each with the reason
that it must be set aside for. The demo mixes them into good traffic and then shows that every
one was set aside and no good event was lost; the tests run on the same cases.

Each case has exactly one fault and carries its true boot id and sequence as MQTT user properties,
as an edge device does, so that even an unreadable message is accounted for. Every topic matches
one of ``ioc.topics.SUBSCRIPTIONS``: what the broker never delivers can not be set aside.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ioc.decode import Reason
from ioc.ids import derived_uuid7
from ioc.topics import TAILS, DevicePath
from simulator.devices.message_faults import (
    Document,
    Fault,
    envelope_faults,
    rfc3339,
    text_faults,
    time_faults,
    topic_faults,
)
from simulator.devices.payload_faults import data_faults, database_faults


@dataclass(frozen=True, slots=True)
class PoisonCase:
    """One bad message.

    Attributes:
        label: What is wrong with it, and on which tail; unique within one call.
        topic: The MQTT topic to publish it on.
        payload: The bytes to publish.
        properties: MQTT user properties: ``bootid`` and ``sequence``, both true.
        reasons: It must be set aside for one of these.
    """

    label: str
    topic: str
    payload: bytes
    properties: dict[str, str]
    reasons: frozenset[Reason]


def poison_cases(
    n: int,
    seed: int,
    *,
    path: DevicePath,
    bootid: UUID,
    now: datetime,
    first_sequence: int = 0,
) -> list[PoisonCase]:
    """Bad messages that the same arguments always give.

    Every fault comes once before any comes twice.

    Args:
        n: How many; the catalogue has ``len(FAULT_LABELS)`` faults, on up to six tails each.
        seed: Which order and which tails.
        path: The device that is said to send them.
        bootid: Its boot.
        now: The present instant, UTC; the times of events are measured from it.
        first_sequence: Sequence of the first case; the rest count on from it.
    """
    rng = random.Random(seed)
    cases = []
    for index, (fault, tail) in zip(range(n), _order(rng, now), strict=False):
        sequence = first_sequence + index
        document = good_document(tail, path=path, bootid=bootid, sequence=sequence, now=now)
        fault.edit(document)
        cases.append(
            PoisonCase(
                label=f"{index}: {fault.label} on {tail}",
                topic=fault.topic(path, tail),
                payload=fault.garble(json.dumps(document, ensure_ascii=False).encode()),
                properties={"bootid": str(bootid), "sequence": str(sequence)},
                reasons=fault.reasons,
            )
        )
    return cases


def _order(rng: random.Random, now: datetime) -> Iterator[tuple[Fault, str]]:
    """Faults for ever: each once on a random tail, then each once again, on other tails first."""
    choices = [(fault, rng.sample(fault.tails, len(fault.tails))) for fault in _faults(now)]
    turn = 0
    while True:
        rng.shuffle(choices)
        for fault, tails in choices:
            yield fault, tails[turn % len(tails)]
        turn += 1


def good_document(
    tail: str, *, path: DevicePath, bootid: UUID, sequence: int, now: datetime
) -> Document:
    """A valid event of a tail as a JSON document: what a fault is then put into."""
    at = now - timedelta(seconds=1)
    document: Document = {
        "specversion": "1.0",
        "id": str(derived_uuid7(at, path.key, str(bootid), str(sequence))),
        "source": path.source,
        "type": TAILS[tail],
        "time": rfc3339(at),
        "bootid": str(bootid),
    }
    if tail != "status":
        document["sequence"] = sequence
    document["data"] = _data(tail, rfc3339(at - timedelta(seconds=1)))
    return document


def _data(tail: str, at: str) -> Document:
    sha256 = "0123456789abcdef" * 4
    match tail:
        case "event/violation":
            return {
                "rule": "red_light",
                "track": 17,
                "vehicle": "motorcycle",
                "act_time": at,
                "confidence": 0.9,
                "model": {"name": "yolox-nano", "sha256": sha256},
                "clock": {"source": "ntp", "offset_ms": 1.5},
                "frames": {"first": 100, "last": 130},
                "plate": {"text": "95B1-123.45", "confidence": 0.8, "colour": "white"},
                "signal": {"head": "head-1", "phase": "red", "since": at},
                "evidence": [
                    {"role": "clip", "sha256": sha256, "bytes": 9000, "media_type": "video/mp4"}
                ],
                "reasons": ["crossed the line 1.2 s after red"],
            }
        case "metric/flow":
            return {"lane": "lane-1", "period_s": 10.0, "counts": {"motorcycle": 12, "car": 3}}
        case "metric/reading":
            return {"quantity": "water_level", "value": 1.25, "unit": "m", "quality": "good"}
        case "state/signal":
            return {"head": "head-1", "phase": "green", "since": at}
        case "metric/health":
            return {"uptime_s": 3600.0, "fps": 12.5, "spool_depth": 0}
    return {"state": "online", "versions": {"ioc": "0.1.0"}}


def _faults(now: datetime) -> list[Fault]:
    return [
        *text_faults(),
        *envelope_faults(),
        *time_faults(now),
        *data_faults(),
        *database_faults(),
        *topic_faults(),
    ]


FAULT_LABELS: Final = tuple(
    fault.label for fault in _faults(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
)
"""Every fault in the catalogue."""

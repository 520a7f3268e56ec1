"""How sensors go wrong, when, and for how long: known, so that alerts can be held against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, Protocol, get_args

import numpy as np

from simulator.sensors.chance import key_of, uniform

FaultKind = Literal[
    "stuck", "drift", "spike", "dropout", "saturation", "quantisation", "clock_slip"
]
KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)

LONGEST_S: Final[dict[FaultKind, float]] = {
    "stuck": 3 * 3600.0,  # mud on the probe
    "drift": 5 * 3600.0,  # growth on a salinity cell
    "spike": 20 * 60.0,  # a loose plug
    "dropout": 45 * 60.0,  # no power
    "saturation": 60 * 60.0,  # a short: full scale
    "quantisation": 2 * 3600.0,  # lost low bits
    "clock_slip": 2 * 3600.0,  # no time server
}
_SHARE: Final = 0.8
"""This many of the slots have a fault; the rest of them makes their number vary."""
_SHORTEST_SLOT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One time for which a sensor is wrong.

    Attributes:
        kind: ``stuck``: the value of the beginning; ``drift``: it moves away, ``size`` spans an
            hour; ``spike``: now and then far off, by ``size`` spans; ``dropout``: it says nothing;
            ``saturation``: the end of its scale, the upper one when ``size`` is positive;
            ``quantisation``: steps of ``size`` spans; ``clock_slip``: its clock is ``size`` seconds
            ahead. A span is what the quantity usually moves over (``Instrument.span``).
        since: First instant.
        until: First instant after it.
        size: See above.
    """

    kind: FaultKind
    since: datetime
    until: datetime
    size: float

    def __post_init__(self) -> None:
        """Refuse a fault that ends before it begins."""
        if self.until <= self.since:
            raise ValueError(f"{self.kind}: it ends at {self.until}, before {self.since}")


class Faults(Protocol):
    """When a sensor is wrong."""

    def fault_at(self, instant: datetime) -> Fault | None:
        """The fault at an instant, None when the sensor is right."""
        ...


class PlannedFaults:
    """Faults that are written down, for a test of an alert.

    Args:
        faults: In any order, one at a time.

    Raises:
        ValueError: Two of them overlap.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = sorted(faults, key=lambda fault: fault.since)
        for one, other in pairwise(self._faults):
            if other.since < one.until:
                raise ValueError(f"{one.kind} and {other.kind} overlap at {other.since}")

    def fault_at(self, instant: datetime) -> Fault | None:
        """The fault at an instant, None when the sensor is right."""
        return next((f for f in self._faults if f.since <= instant < f.until), None)


class SeededFaults:
    """Faults by chance, about so many a day; pure: any instant in any order.

    Time is cut into slots; most slots have one fault, somewhere inside.

    Args:
        seed: Makes other faults.
        per_day: How many on average; 0 is none.
        kinds: Which may happen.

    Raises:
        ValueError: The rate is negative or above 115, or no kind is given.
    """

    def __init__(self, seed: int | str, per_day: float, kinds: Sequence[FaultKind] = KINDS) -> None:
        most = 86_400 * _SHARE / _SHORTEST_SLOT_S
        if not 0 <= per_day <= most:
            raise ValueError(f"{per_day} faults a day: give from 0 to {most:.0f}")
        if not kinds:
            raise ValueError("no kind of fault: leave it out, or name one of " + ", ".join(KINDS))
        self._key = key_of("faults", seed)
        self._kinds = tuple(kinds)
        self._slot_s = 86_400 * _SHARE / per_day if per_day else None

    def fault_at(self, instant: datetime) -> Fault | None:
        """The fault at an instant, None when the sensor is right."""
        if self._slot_s is None:
            return None
        fault = self._of_slot(int(instant.timestamp() // self._slot_s), self._slot_s)
        return fault if fault is not None and fault.since <= instant < fault.until else None

    def between(self, start: datetime, end: datetime) -> Iterator[Fault]:
        """All that lie at least in part between two instants, oldest first: the truth."""
        if self._slot_s is None:
            return
        first = int(start.timestamp() // self._slot_s)
        for slot in range(first, int(end.timestamp() // self._slot_s) + 1):
            fault = self._of_slot(slot, self._slot_s)
            if fault is not None and fault.until > start and fault.since < end:
                yield fault

    def _of_slot(self, slot: int, slot_s: float) -> Fault | None:
        happens, kind_at, long, place, size = uniform(self._key, slot * 8 + np.arange(5)).tolist()
        if happens >= _SHARE:
            return None
        kind = self._kinds[int(kind_at * len(self._kinds))]
        length_s = (0.2 + 0.7 * long) * min(slot_s, LONGEST_S[kind])
        since_s = slot * slot_s + place * (slot_s - length_s)
        since = datetime.fromtimestamp(since_s, UTC)
        until = since + timedelta(seconds=length_s)
        return Fault(kind, since, until, _size(kind, size))


def _size(kind: FaultKind, chance: float) -> float:
    """How bad it is; ``chance`` from 0 to 1."""
    sign, part = (1.0, 2 * chance) if chance < 0.5 else (-1.0, 2 * chance - 1)
    match kind:
        case "drift":
            return sign * (0.1 + 0.4 * part)
        case "spike":
            return sign * (1.0 + 2.0 * part)
        case "quantisation":
            return 0.05 + 0.15 * part
        case "clock_slip":  # the core sets aside what is over 5 minutes ahead
            return 20.0 + 160.0 * part if sign > 0 else -(60.0 + 1140.0 * part)
        case "saturation":
            return sign
        case "stuck" | "dropout":
            return 1.0

"""Which violations are one case: what one vehicle did in one go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Flagged:
    """A violation that belongs to no case yet.

    Attributes:
        confidence: Of the plate, 0 without one.
    """

    id: UUID
    city: str
    site: str
    device: str
    bootid: UUID
    track: int
    rule: str
    vehicle: str
    act: datetime
    plate: str | None
    colour: str | None
    confidence: float


@dataclass(slots=True)
class Group:
    """A case as it is put together.

    Attributes:
        case: The case that it adds to; None for a new one.
        first: Earliest act.
        last: Latest one.
        members: Violations that are new in it.
    """

    case: UUID | None
    city: str
    site: str
    device: str
    bootid: UUID
    track: int
    vehicle: str
    first: datetime
    last: datetime
    plate: str | None
    colour: str | None
    confidence: float
    rules: list[str] = field(default_factory=list)
    members: list[Flagged] = field(default_factory=list)

    def takes(self, one: Flagged, within: timedelta) -> bool:
        """Whether a violation is of the same vehicle, and close enough in time."""
        if (one.city, one.site) != (self.city, self.site):
            return False
        if not self.first - within <= one.act <= self.last + within:
            return False
        if (one.device, one.bootid, one.track) == (self.device, self.bootid, self.track):
            return True
        # Another camera, or a track that was lost and found: the plate tells, if it was read.
        return one.plate is not None and one.plate == self.plate

    def add(self, one: Flagged) -> None:
        """Take a violation in; the surest plate stands."""
        self.members.append(one)
        self.first, self.last = min(self.first, one.act), max(self.last, one.act)
        if one.rule not in self.rules:
            self.rules.append(one.rule)
        if one.plate is not None and one.confidence > self.confidence:
            self.plate, self.colour, self.confidence = one.plate, one.colour, one.confidence


def group(flagged: Iterable[Flagged], cases: Sequence[Group], within: timedelta) -> list[Group]:
    """Put violations into open cases and new ones.

    Args:
        flagged: Without a case, in any order.
        cases: Cases that nobody has opened or spoken about yet.
        within: Longest time between two acts of one case.

    Returns:
        Groups with at least one new member, each case at most once.
    """
    groups = list(cases)
    for one in sorted(flagged, key=lambda each: (each.act, each.id)):
        fitting = next((each for each in reversed(groups) if each.takes(one, within)), None)
        if fitting is None:
            fitting = Group(
                *(None, one.city, one.site, one.device, one.bootid, one.track, one.vehicle),
                *(one.act, one.act, None, None, 0.0),
            )
            groups.append(fitting)
        fitting.add(one)
    return [each for each in groups if each.members]

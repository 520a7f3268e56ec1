"""A violation as it really happened."""

from __future__ import annotations

from dataclasses import dataclass

from ioc.events import Rule, VehicleClass


@dataclass(frozen=True, slots=True)
class Act:
    """One violation of a rule.

    Attributes:
        rule: The rule.
        body: Number of the road user.
        at_s: When it was done, seconds from the clip's start.
        from_s: The earliest instant that is right for it: ``at_s``, but for what goes on for a
            while, which has no instant of its own.
        until_s: The latest one.
        lane: Where, if it matters to the rule.
        plate: The registration; None for those without a plate.
        kind: Class of the vehicle.
        speed_kmh: How fast it was at ``at_s``.
        head: The signal head that governed it.
        doubtful: Whether it lies so near to a threshold, or is seen so badly, that neither to
            report it nor to miss it is a mistake.
        why: What happened, and what is doubtful about it.
    """

    rule: Rule
    body: int
    at_s: float
    from_s: float
    until_s: float
    lane: str | None
    plate: str | None
    kind: VehicleClass
    speed_kmh: float
    head: str | None
    doubtful: bool
    why: str

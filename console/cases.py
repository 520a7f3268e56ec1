"""How a case is decided: who may speak when, and what follows from what was said. Pure.

::

    pending ──confirm──▶ second ──confirm──▶ confirmed
       │                    └───reject────▶ disputed ──supervisor──▶ confirmed | rejected
       ├──reject──▶ rejected, or, for a share of them, blind ──reject──▶ rejected
       │                                                   └──confirm─▶ disputed
       └──more────▶ needs_more ──reopened──▶ pending, in the next round

Nobody speaks twice in a round; whoever looks second is not told what the first one said. Two who
confirm with different plates do not agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args
from uuid import UUID

from store.people import Role

State = Literal["pending", "second", "blind", "disputed", "needs_more", "confirmed", "rejected"]
Stage = Literal["first", "second", "blind", "supervisor"]
Verdict = Literal["confirm", "reject", "more"]
Reason = Literal[
    "wrong_plate",
    "signal_wrong",
    "priority_vehicle",
    "officer_signal",
    "pushed_by_ambulance",
    "unclear_image",
    "not_a_violation",
    "duplicate",
    "other",
]

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
WAITING: Final[frozenset[State]] = frozenset({"pending", "second", "blind"})
"""Look alike to reviewers."""

DECIDED: Final[frozenset[State]] = frozenset({"confirmed", "rejected"})
MOST_NOTE: Final = 2000
WITHOUT_PLATE: Final = frozenset({"bicycle", "pedestrian"})

_STAGE: Final[dict[State, Stage]] = {
    "pending": "first",
    "second": "second",
    "blind": "blind",
    "disputed": "supervisor",
}
_PLATE: Final = re.compile(r"[0-9A-ZĐ]+(?:[-. ][0-9A-ZĐ]+)*")


@dataclass(frozen=True, slots=True)
class Said:
    """A decision of this round.

    Attributes:
        plate: The plate as this person saw it.
    """

    stage: Stage
    person: UUID
    verdict: Verdict
    plate: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants to say."""

    verdict: Verdict
    reason: Reason | None = None
    note: str = ""
    plate: str | None = None


class DecisionError(ValueError):
    """A decision that is not taken; the message is the key of a text that says why."""


def stage_for(state: State, said: Sequence[Said], person: UUID, role: Role) -> Stage:
    """At which stage somebody may speak now.

    Raises:
        DecisionError: It is not for this person.
    """
    if state in DECIDED:
        raise DecisionError("case_decided")
    if state == "needs_more":
        raise DecisionError("case_needs_more")
    if any(one.person == person for one in said):
        raise DecisionError("case_yours_before")
    if state == "disputed" and role != "supervisor":
        raise DecisionError("case_for_supervisor")
    return _STAGE[state]


def check(decision: Decision, vehicle: str) -> None:
    """Whether a decision says all that it must.

    Raises:
        DecisionError: Something is missing or has no sense.
    """
    if (decision.verdict == "reject") != (decision.reason is not None):
        raise DecisionError("decision_reason")
    told = decision.note.strip()
    if len(decision.note) > MOST_NOTE:
        raise DecisionError("decision_note_long")
    if not told and (decision.reason == "other" or decision.verdict == "more"):
        raise DecisionError("decision_note")
    if decision.verdict == "confirm" and not decision.plate and vehicle not in WITHOUT_PLATE:
        raise DecisionError("decision_plate")


def plate_of(typed: str) -> str | None:
    """A plate as typed, in capitals and with single separators; None for nothing.

    Raises:
        DecisionError: It is no plate of any kind.
    """
    text = " ".join(typed.upper().split())
    if not text:
        return None
    if len(text) > 16 or not _PLATE.fullmatch(text) or not any(c.isdigit() for c in text):
        raise DecisionError("plate_shape")
    return text


def same_plate(one: str | None, other: str | None) -> bool:
    """Whether two texts are one plate, however it is punctuated."""
    return _bare(one) == _bare(other)


def outcome(stage: Stage, decision: Decision, said: Sequence[Said], drawn: bool) -> State:
    """What a case becomes.

    Args:
        stage: Of the decision.
        decision: What is said now.
        said: What was said before in this round.
        drawn: Whether this case is in the sample that a second person sees blind.
    """
    verdict = decision.verdict
    if verdict == "more":
        return "needs_more"
    if stage == "supervisor":
        return "confirmed" if verdict == "confirm" else "rejected"
    if stage == "first":
        if verdict == "confirm":
            return "second"
        return "blind" if drawn else "rejected"
    wanted: Verdict = "confirm" if stage == "second" else "reject"
    if verdict != wanted:
        return "disputed"
    if stage == "blind":
        return "rejected"
    before = [one.plate for one in said if one.verdict == "confirm"]
    return "confirmed" if all(same_plate(one, decision.plate) for one in before) else "disputed"


def masked(plate: str | None) -> str:
    """A plate before its case is opened: province and series only."""
    if not plate:
        return ""
    series, space, rest = plate.partition(" ")
    if not space:
        series, rest = plate[:3], plate[3:]
    return series + space + "".join("•" if c.isalnum() else c for c in rest)


def _bare(plate: str | None) -> str:
    return "".join(c for c in (plate or "") if c.isalnum())

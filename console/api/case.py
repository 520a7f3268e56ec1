"""A decided case as it is handed over: what the notice to the owner needs, and what proves it.

The fields that are published of a case follow Điều 24 of Thông tư 73/2024/TT-BCA: type of vehicle,
plate and its colour, time, place, act, the unit that found it, the unit that handles it, its phone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import Field

from console.api.common import Answer, Instant
from console.texts import say
from ioc.console_settings import ConsoleSettings
from ioc.events import Rule, VehicleClass
from ioc.law import Catalogue, Penalty, day_of_act
from store.handover import DecidedAct, DecidedCase, Outcome, Verdict


class Plate(Answer):
    """A plate: as the law's notice needs it, and as the camera read it."""

    text: str = Field(description="As the reviewers confirmed it.")
    read: str | None = Field(description="As the camera read it; never changed.")
    colour: str | None = Field(description="Colour of its ground.")


class Place(Answer):
    """Where it was. Names and position are null where no site file names the junction."""

    city: str
    site: str
    device: str = Field(description="The camera.")
    name_vi: str | None
    name_en: str | None
    city_name_vi: str | None
    ward: str | None = Field(description="Code of the ward.")
    latitude: float | None = Field(description="Degrees north.")
    longitude: float | None = Field(description="Degrees east.")


class PenaltyAnswer(Answer):
    """What the law of the day of the act holds ready: a proposal, the police set the fine."""

    article: str = Field(description="Such as `Điều 6, khoản 9, điểm b`.")
    law: str = Field(description="Number of the document that the article is in.")
    amended_by: list[str] = Field(description="Documents in force that day that changed it.")
    citation: str = Field(description="All three in one line.")
    title_vi: str = Field(description="The act in the words of the law.")
    title_en: str
    fine_min: int = Field(description="VND.")
    fine_max: int = Field(description="VND.")
    points: int = Field(description="Points taken from the licence, of 12.")
    points_article: str | None


class File(Answer):
    """A file of evidence; the bytes stay where they are."""

    role: str = Field(description="`clip`, `before`, `at`, `after`, `plate`, `proxy`, `manifest`.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int
    media_type: str
    held: bool = Field(description="Whether it is held here now; false also after retention.")


class Act(Answer):
    """One violation."""

    id: UUID
    rule: str
    rule_vi: str
    time: Instant
    lane: str | None
    speed_kmh: float | None
    limit_kmh: float | None
    calibration: str | None = Field(description="Certificate that the speed rests on.")
    signal_phase: str | None
    penalty: PenaltyAnswer | None = Field(description="Null where the law's catalogue has none.")
    no_penalty_vi: str | None = Field(description="Why the catalogue names none on purpose.")
    evidence: list[File]
    signature_fault: str | None = Field(description="Why the camera's signature is not trusted.")


class DecisionAnswer(Answer):
    """What one person said; two different people confirm a case."""

    round: int
    stage: Literal["first", "second", "blind", "supervisor"]
    verdict: Literal["confirm", "reject", "more"]
    reason: str | None
    unit: str = Field(description="Where the person serves.")
    decided: Instant


class Amounts(Answer):
    """All acts together: fines add up, points are those of the worst."""

    fine_min: int = Field(description="VND.")
    fine_max: int = Field(description="VND.")
    points: int


class CaseLine(Answer):
    """A decided case in a list: nothing that names the vehicle."""

    number: int = Field(ge=1)
    id: UUID
    state: Outcome
    decided: Instant
    city: str
    site: str
    vehicle: str
    rules: list[str]
    act_first: Instant
    act_last: Instant
    expunged: bool = Field(description="Whether retention has removed plate and evidence.")


class Case(CaseLine):
    """A decided case."""

    vehicle_vi: str
    plate: Plate | None = Field(description="Null where there is none, or it may not be told.")
    place: Place
    acts: list[Act]
    amounts: Amounts | None = Field(description="Null for a rejected case.")
    laws: list[str] = Field(description="The law as it was on the day: documents by number.")
    decisions: list[DecisionAnswer]
    detecting_unit: str
    handling_unit: str
    phone: str


class CasePage(Answer):
    """A part of the list of decided cases."""

    cases: list[CaseLine]
    cursor: str | None = Field(
        description="Hand it back for what comes after these; keep it to ask for later ones. "
        "Null as long as there was nothing."
    )
    more: bool = Field(description="Whether there is more at this moment.")


def line_of(case: DecidedCase) -> CaseLine:
    """A case in a list."""
    return CaseLine(**_line(case))


def case_of(
    case: DecidedCase,
    acts: Sequence[DecidedAct],
    verdicts: Sequence[Verdict],
    held: Collection[str],
    settings: ConsoleSettings,
    law: Catalogue,
) -> Case:
    """A whole case.

    Args:
        case: The case.
        acts: Its violations.
        verdicts: What was said of it.
        held: Digests of its files that are held.
        settings: Whose units and phone go with it.
        law: The catalogue.
    """
    confirmed = case.state == "confirmed"
    found = {act.id: _penalty(act, law) for act in acts} if confirmed else {}
    penalties = [each for each in found.values() if each is not None]
    laws = dict.fromkeys(number for each in penalties for number in (each.law, *each.amended_by))
    together = law.combined(penalties)
    return Case(
        **_line(case),
        vehicle_vi=say("vi", f"vehicle_{case.vehicle}"),
        plate=_plate(case) if confirmed else None,
        place=Place(
            city=case.city,
            site=case.site,
            device=case.device,
            name_vi=case.name_vi,
            name_en=case.name_en,
            city_name_vi=case.city_name_vi,
            ward=case.ward,
            latitude=case.latitude,
            longitude=case.longitude,
        ),
        acts=[_act(act, found, held, law, told=confirmed) for act in acts],
        amounts=Amounts(
            fine_min=together.fine_min, fine_max=together.fine_max, points=together.points
        )
        if confirmed
        else None,
        laws=list(laws),
        decisions=[
            DecisionAnswer(
                round=one.round,
                stage=cast(Any, one.stage),
                verdict=cast(Any, one.verdict),
                reason=one.reason,
                unit=one.unit,
                decided=one.decided,
            )
            for one in verdicts
        ],
        detecting_unit=settings.detecting_unit,
        handling_unit=settings.handling_unit,
        phone=settings.phone,
    )


def _line(case: DecidedCase) -> dict[str, Any]:
    return {
        "number": case.number,
        "id": case.id,
        "state": case.state,
        "decided": case.decided,
        "city": case.city,
        "site": case.site,
        "vehicle": case.vehicle,
        "rules": case.rules,
        "act_first": case.act_first,
        "act_last": case.act_last,
        "expunged": case.expunged is not None,
    }


def _plate(case: DecidedCase) -> Plate | None:
    text = case.plate_fixed or case.plate_read
    if text is None or case.expunged is not None:
        return None
    return Plate(text=text, read=case.plate_read, colour=case.plate_colour)


def _penalty(act: DecidedAct, law: Catalogue) -> Penalty | None:
    over = None
    if act.speed_kmh is not None and act.limit_kmh is not None:
        over = act.speed_kmh - act.limit_kmh
    rule, vehicle = cast(Rule, act.rule), cast(VehicleClass, act.vehicle)
    return law.penalty(rule, vehicle, day_of_act(act.act_time), over_kmh=over)


def _act(
    act: DecidedAct,
    found: Mapping[UUID, Penalty | None],
    held: Collection[str],
    law: Catalogue,
    *,
    told: bool,
) -> Act:
    penalty = found.get(act.id)
    why = None
    if told and penalty is None:
        rule, vehicle = cast(Rule, act.rule), cast(VehicleClass, act.vehicle)
        why = law.absence(rule, vehicle, day_of_act(act.act_time))
    return Act(
        id=act.id,
        rule=act.rule,
        rule_vi=say("vi", f"rule_{act.rule}"),
        time=act.act_time,
        lane=act.lane,
        speed_kmh=act.speed_kmh,
        limit_kmh=act.limit_kmh,
        calibration=act.calibration,
        signal_phase=act.signal_phase,
        penalty=None
        if penalty is None
        else PenaltyAnswer(
            article=penalty.article,
            law=penalty.law,
            amended_by=list(penalty.amended_by),
            citation=penalty.citation,
            title_vi=penalty.title_vi,
            title_en=penalty.title_en,
            fine_min=penalty.fine_min,
            fine_max=penalty.fine_max,
            points=penalty.points,
            points_article=penalty.points_article,
        ),
        no_penalty_vi=why,
        evidence=[
            File(
                role=one["role"],
                sha256=one["sha256"],
                bytes=one["bytes"],
                media_type=one["media_type"],
                held=one["sha256"] in held,
            )
            for one in act.evidence
        ],
        signature_fault=act.signature_fault,
    )

"""Everything that the page of a case shows, ready for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from console.auth.guard import Visitor
from console.cases import WAITING, WITHOUT_PLATE
from console.context import Context
from console.review import Opened, tells
from console.sitemap import Dot, Scale, sitemap
from console.texts import say
from console.timeline import USUAL, Timeline, timeline
from ioc.events import Rule, VehicleClass
from ioc.law import Combined, Penalty, catalogue, day_of_act
from store import case_file, evidence
from store.case_file import Act, Earlier, NoteRow, Phase
from store.cases import CaseRow, Connection, DecisionRow
from store.evidence import CaseEvidence

STILLS: Final = ("before", "at", "after")


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of the clip; ``offset`` is its time after the act, in words."""

    role: str
    url: str
    offset: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One violation of a case, and what proves it.

    Attributes:
        clip: Address of the viewing copy; None without a clip.
        clip_text: Why there is none.
        plate_view: Address of the plate's picture.
        missing: What should be there and is not, in words.
        reasons: The rule's own, in the visitor's language.
        penalty: Of the day of the act; None where the catalogue has none.
        law_why: Why not.
        trust: Whether the device's signature holds, in words.
        fault: Whether it does not.
        clock: How the device's clock was, in words.
    """

    act: Act
    clip: str | None
    clip_text: str
    stills: tuple[Still, ...]
    plate_view: str | None
    timeline: Timeline
    missing: tuple[str, ...]
    reasons: tuple[str, ...]
    penalty: Penalty | None
    law_why: str
    trust: str
    fault: bool
    clock: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """A case on the screen.

    Attributes:
        state: As this person may know it: who is to speak is not told what others said.
        left: Time to the deadline, in words.
        said: Decisions that this person may know.
        sum: All penalties together; None for one or none.
        map: Junctions; this one is ``here``.
    """

    case: CaseRow
    mine: bool
    state: str
    hindrance: str
    late: bool
    left: str
    place_name: str
    coordinates: str
    exhibits: tuple[Exhibit, ...]
    said: tuple[DecisionRow, ...]
    notes: tuple[NoteRow, ...]
    history: tuple[Earlier, ...]
    sum: Combined | None
    map: tuple[Dot, ...]
    scale: Scale | None
    needs_plate: bool
    may_export: bool
    may_reopen: bool
    may_hold: bool


async def load(connection: Connection, context: Context, who: Visitor, opened: Opened) -> Dossier:
    """Read and arrange a case that was opened."""
    case, language = opened.case, who.language
    acts = await case_file.acts(connection, case.id)
    proofs = {one.violation: one for one in await evidence.sets_of_case(connection, case.id)}
    places = await case_file.places(connection)
    history = await case_file.earlier(connection, case.plate, case.id) if case.plate else []
    exhibits = []
    for act in acts:
        proof = proofs[act.id]
        phases = await _phases(connection, case, act, proof)
        exhibits.append(exhibit(case.number, act, proof, phases, language))
    here = next((one for one in places if (one.city, one.site) == (case.city, case.site)), None)
    english = language == "en"
    name = f"{case.city}/{case.site}"
    if here is not None:
        name = (
            f"{here.name_en}, {here.city_name_en}"
            if english
            else f"{here.name_vi}, {here.city_name_vi}"
        )
    penalties = [one.penalty for one in exhibits if one.penalty is not None]
    dots, scale = sitemap(places, (case.city, case.site), language)
    shown = "waiting" if opened.mine and case.state in WAITING else case.state
    if case.state in ("second", "blind") and who.role == "reviewer":
        shown = "waiting"
    late, left = time_left(case.deadline, context.clock(), language)
    return Dossier(
        case=case,
        mine=opened.mine,
        state=shown,
        hindrance=opened.hindrance,
        late=late and case.decided is None,
        left=left,
        place_name=name,
        coordinates="" if here is None else f"{here.latitude:.5f}, {here.longitude:.5f}",
        exhibits=tuple(exhibits),
        said=tuple(tells(opened, who)),
        notes=tuple(await case_file.notes(connection, case.id)),
        history=tuple(history),
        sum=catalogue().combined(penalties) if len(penalties) > 1 else None,
        map=dots,
        scale=scale,
        needs_plate=case.vehicle not in WITHOUT_PLATE,
        may_export=who.role in ("reviewer", "supervisor", "auditor"),
        may_reopen=who.role in ("reviewer", "supervisor"),
        may_hold=who.role == "supervisor" and case.expunged is None,
    )


def exhibit(
    number: int, act: Act, proof: CaseEvidence, phases: Sequence[Phase], language: str
) -> Exhibit:
    """Arrange one violation.

    Args:
        number: Of its case.
        act: The violation.
        proof: Its files and its manifest.
        phases: Changes of its signal.
        language: For whom.
    """
    there = {role: file for role, file in proof.files.items() if file.is_there}
    clip = there.get("clip")
    shown = there.get("proxy") if clip is None or "proxy" in there else clip
    stills = tuple(
        Still(role, view(there[role].sha256, number), _seconds(there[role].offset_us))
        for role in STILLS
        if role in there
    )
    missing = [
        say(language, "case_missing", role=say(language, f"role_{role}"))
        for role, file in proof.files.items()
        if file.received is None
    ]
    missing += [
        say(language, "case_left_out", role=say(language, f"role_{one.role}"), why=one.reason)
        for one in (proof.manifest.left_out if proof.manifest is not None else ())
        if one.role != "proxy"
    ]
    day = day_of_act(act.act_time)
    over = None
    if act.speed_kmh is not None and act.limit_kmh is not None:
        over = act.speed_kmh - act.limit_kmh
    rule, vehicle = cast(Rule, act.rule), cast(VehicleClass, act.vehicle)
    penalty = catalogue().penalty(rule, vehicle, day, over_kmh=over)
    why = catalogue().absence(rule, vehicle, day) or say(language, "case_law_unknown")
    trust, bad = _trust(act, proof, language)
    return Exhibit(
        act=act,
        clip=None if shown is None else view(shown.sha256, number),
        clip_text=say(language, "case_no_clip"),
        stills=stills,
        plate_view=view(there["plate"].sha256, number) if "plate" in there else None,
        timeline=timeline(
            act.act_time,
            _shown_us(proof),
            [
                (role, proof.files[role].offset_us or 0)
                for role in STILLS
                if role in proof.files and proof.files[role].offset_us is not None
            ],
            phases,
        ),
        missing=tuple(missing),
        reasons=tuple(_in_language(reason, language) for reason in act.reasons),
        penalty=penalty,
        law_why="" if penalty else why,
        trust=trust,
        fault=bad,
        clock=_clock(act, language),
    )


def view(sha256: str | None, number: int) -> str:
    """Address of a file's viewing copy, as a part of its case."""
    return f"/evidence/{sha256}/view?case={number}"


def time_left(deadline: datetime, now: datetime, language: str) -> tuple[bool, str]:
    """Whether a deadline is over, and how far it is, in words."""
    left = deadline - now
    if left < timedelta():
        return True, say(language, "left_none", days=(-left).days)
    if left < timedelta(days=2):
        return False, say(language, "left_hours", hours=left // timedelta(hours=1))
    return False, say(language, "left_days", days=left.days)


def _in_language(reason: str, language: str) -> str:
    """A rule's reason is Vietnamese and English with a slash between (``vision.rules.guards``)."""
    vi, slash, en = reason.rpartition(" / ")
    if not slash:
        return reason
    return en if language == "en" else vi


def _seconds(us: int | None) -> str:
    return "" if us is None else f"{us / 1e6:+.2f} s"


def _clock(act: Act, language: str) -> str:
    if act.clock_source == "none" or act.clock_offset_ms is None:
        return say(language, "case_clock_none")
    source, offset = act.clock_source.upper(), f"{act.clock_offset_ms:+.1f}"
    return say(language, "case_clock", source=source, offset=offset)


def _trust(act: Act, proof: CaseEvidence, language: str) -> tuple[str, bool]:
    """Whether the device's signatures hold, in words; and whether something is wrong with them."""
    if act.signature_fault is None and proof.fault == "not_received":
        return say(language, "case_unsigned"), False
    wrong = act.signature_fault or proof.fault
    if wrong is None:
        return say(language, "case_trusted"), False
    return say(language, "case_untrusted", why=say(language, f"fault_{wrong}")), True


def _shown_us(proof: CaseEvidence) -> list[int]:
    """Times of the pictures that the viewing copy shows, microseconds after the act."""
    start = proof.view_start_us
    if start is None or proof.manifest is None or proof.manifest.clip is None:
        return []
    end = proof.manifest.clip.asked_end_us + 1
    return [us for us in proof.manifest.clip.pictures_us if start <= us <= end] or [start]


async def _phases(
    connection: Connection, case: CaseRow, act: Act, proof: CaseEvidence
) -> list[Phase]:
    if act.signal_head is None:
        return []
    times = _shown_us(proof)
    first = timedelta(microseconds=times[0]) if times else -USUAL
    last = timedelta(microseconds=times[-1]) if times else USUAL
    return await case_file.phases(
        *(connection, case.city, case.site, act.signal_head),
        *(act.act_time + first, act.act_time + last),
    )

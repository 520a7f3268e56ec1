"""What the database's violations are worth: held against what truly happened in the clips.

A report has no box of its vehicle in the database, so it is matched as a person would: same camera,
same rule, an instant within a second, and class, lane or plate that agree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
import numpy as np
import psycopg
from psycopg.rows import dict_row

from ioc.events import EvidenceRef, Rule, VehicleClass
from ioc.settings import DatabaseSettings
from ioc.topics import DevicePath
from measure.accuracy.simulated.matching import TOLERANCE_S, Verdict
from measure.accuracy.simulated.scores import Tally
from measure.accuracy.simulated.truths import LASTING
from measure.accuracy.simulated.watched import TrueAct
from simulator.place import Watch
from simulator.truth.act import Act
from simulator.truth.record import Record
from store.pool import conninfo
from vision.track.assignment import assign

UNDECIDED_S: Final = 2.0
"""An act that could be told only so shortly before the end, or later, is not counted as missed: the
clip had ended before its rule could be sure."""

PlateVerdict = Literal["exact", "wrong", "none"]


@dataclass(frozen=True, slots=True)
class Reported:
    """A violation as the database has it.

    Attributes:
        id: Of the event.
        camera: Who reported it.
        rule: Which rule.
        vehicle: Class of the vehicle.
        act_time: When it was done.
        lane: Where.
        plate: Registration as read; None when it was not.
        evidence: Its files.
    """

    id: UUID
    camera: DevicePath
    rule: Rule
    vehicle: VehicleClass
    act_time: datetime
    lane: str | None
    plate: str | None
    evidence: tuple[EvidenceRef, ...]

    def file(self, role: str) -> EvidenceRef | None:
        """The file of a role, if there is one."""
        return next((ref for ref in self.evidence if ref.role == role), None)


@dataclass(slots=True)
class RuleScore:
    """How well one rule did.

    Attributes:
        tally: Found, missed, false.
        plates: Of found acts by vehicles that have a plate: read right, read wrong, not read.
    """

    tally: Tally = field(default_factory=Tally)
    plates: Counter[PlateVerdict] = field(default_factory=Counter)

    def add(self, other: RuleScore) -> None:
        """Count another camera's too."""
        self.tally.add(other.tally)
        self.plates += other.plates


Scores = Mapping[Rule, RuleScore]


@dataclass(frozen=True, slots=True)
class Played:
    """A clip as far as it was played.

    Attributes:
        camera: Who saw it.
        truth: What truly happens in it.
        watches: What the camera watches.
        start: When its first frame was taken.
        seconds: How much of it was played.
    """

    camera: DevicePath
    truth: Record
    watches: tuple[Watch, ...]
    start: datetime
    seconds: float


def score(played: Iterable[Played], reports: Sequence[Reported]) -> dict[Rule, RuleScore]:
    """How every rule did, over all clips; a rule that a camera watches is there in any case."""
    table: dict[Rule, RuleScore] = {}
    for one in played:
        mine = [report for report in reports if report.camera == one.camera]
        watched: list[Rule] = [watch.rule for watch in one.watches]
        for rule in dict.fromkeys((*watched, *(report.rule for report in mine))):
            acts = [act for act in one.truth.acts if act.rule == rule]
            told = [report for report in mine if report.rule == rule]
            table.setdefault(rule, RuleScore()).add(_score(acts, told, one))
    return table


def _score(acts: Sequence[Act], told: Sequence[Reported], played: Played) -> RuleScore:
    made = RuleScore()
    made.tally.hours = played.seconds / 3600
    lasts = {watch.rule: watch.duration_s for watch in played.watches}
    true = [_true(act, lasts.get(act.rule, 0.0), played.seconds) for act in acts]
    times = [(report.act_time - played.start).total_seconds() for report in told]
    rows, columns = assign(_alikeness(acts, true, told, times), LEAST_ALIKE)
    report_of = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    for place, act in enumerate(true):
        found = report_of.get(place)
        if act.doubtful:
            made.tally.count(Verdict("doubtful", place, found, act.body))
            continue
        if found is None:
            made.tally.count(Verdict("missed", place, None, act.body))
            continue
        off = act.off(times[found])
        made.tally.count(Verdict("right", place, found, act.body, off))
        if acts[place].plate is not None:
            made.plates[plate_verdict(acts[place].plate, told[found].plate)] += 1
    for number in set(range(len(told))) - set(report_of.values()):
        made.tally.count(Verdict("false", None, number, None))
    return made


def plate_verdict(true: str | None, read: str | None) -> PlateVerdict:
    """What a reading is worth; blanks, dots and dashes are how a plate is written, not what."""
    if read is None:
        return "none"
    return "exact" if _letters(read) == _letters(true or "") else "wrong"


def _letters(plate: str) -> str:
    return re.sub(r"[^0-9A-ZĐ]", "", plate.upper())


def _true(act: Act, duration_s: float, played_s: float) -> TrueAct:
    """An act as it counts; one that nobody could have judged yet counts for nothing.

    Args:
        act: The act.
        duration_s: How long its rule looks at it before it is one: a parked car for a while.
        played_s: How much of the clip was played.
    """
    lasting = act.rule in LASTING
    # A bare head is judged when its rider has gone by: the more looks, the surer.
    known_s = act.until_s if lasting else act.at_s + duration_s
    return TrueAct(
        rule=act.rule,
        body=act.body,
        vehicle=act.kind,
        at_s=act.at_s,
        from_s=act.from_s if lasting else act.at_s,
        until_s=act.until_s if lasting else act.at_s,
        lane=act.lane,
        head=act.head,
        doubtful=act.doubtful or known_s > played_s - UNDECIDED_S,
        why=act.why,
    )


LEAST_ALIKE: Final = 0.15
"""Below it nothing but the time agrees."""


def _alikeness(
    acts: Sequence[Act],
    true: Sequence[TrueAct],
    told: Sequence[Reported],
    times: Sequence[float],
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """How well each report fits each act, 0-1 [acts, reports]: 0 where it cannot be that one.

    Class and lane are worth as much as each other, an equal plate more than both, nearness in
    time least: it only decides between vehicles that are else alike. A doubtful act never takes
    a report away from a sure one.
    """
    alike = np.zeros((len(acts), len(told)), np.float32)
    for row, (act, sure) in enumerate(zip(acts, true, strict=True)):
        for column, (report, time_s) in enumerate(zip(told, times, strict=True)):
            off = abs(sure.off(time_s))
            same_class = report.vehicle == act.kind
            same_lane = act.lane is not None and report.lane == act.lane
            same_plate = plate_verdict(act.plate, report.plate) == "exact"
            if off > TOLERANCE_S or not (same_class or same_lane or same_plate):
                continue
            fit = 0.3 + 0.15 * same_class + 0.15 * same_lane + 0.3 * same_plate
            fit += 0.1 * (1 - off / TOLERANCE_S)
            alike[row, column] = fit * (0.5 if sure.doubtful else 1.0)
    return alike


async def read_reports(settings: DatabaseSettings) -> list[Reported]:
    """Every violation that the database has, in the order of their acts."""
    query = (
        "SELECT id, city, site, device, rule, vehicle, act_time, lane, plate_text, evidence "
        "FROM violation ORDER BY act_time, id"
    )
    async with await psycopg.AsyncConnection.connect(
        conninfo(settings, "ioc-judgement"), autocommit=True, row_factory=dict_row
    ) as connection:
        cursor = await connection.execute(query)
        return [_reported(row) for row in await cursor.fetchall()]


def _reported(row: Mapping[str, Any]) -> Reported:
    return Reported(
        id=row["id"],
        camera=DevicePath(row["city"], row["site"], row["device"]),
        rule=row["rule"],
        vehicle=row["vehicle"],
        act_time=row["act_time"],
        lane=row["lane"],
        plate=row["plate_text"],
        evidence=msgspec.convert(row["evidence"], tuple[EvidenceRef, ...]),
    )

"""How often rules are right, over clips and in slices, with how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, sqrt

import numpy as np

from ioc.events import Rule
from ioc.intervals import wilson
from measure.accuracy.simulated.matching import Verdict
from measure.accuracy.simulated.watched import Watched
from measure.figures import Figure

ALL = "all"
"""The slice that every clip is in."""


@dataclass(slots=True)
class Tally:
    """What became of the acts and reports of some clips.

    Attributes:
        right: Acts that were reported.
        missed: Acts that were not.
        false: Reports without an act, doubles included.
        doubles: Of these, second reports of one act.
        doubtful: Acts that do not count.
        off_s: How much later than each act its report puts it, seconds.
        hours: Hours of camera.
    """

    right: int = 0
    missed: int = 0
    false: int = 0
    doubles: int = 0
    doubtful: int = 0
    off_s: list[float] = field(default_factory=list)
    hours: float = 0.0

    def add(self, other: Tally) -> None:
        """Count another's too."""
        self.right += other.right
        self.missed += other.missed
        self.false += other.false
        self.doubles += other.doubles
        self.doubtful += other.doubtful
        self.off_s += other.off_s
        self.hours += other.hours

    def count(self, verdict: Verdict) -> None:
        """Count an act or a report."""
        if verdict.kind == "right":
            self.right += 1
            if verdict.off_s is not None:
                self.off_s.append(verdict.off_s)
        elif verdict.kind == "missed":
            self.missed += 1
        elif verdict.kind == "doubtful":
            self.doubtful += 1
        else:
            self.false += 1
            self.doubles += verdict.kind == "double"

    @property
    def acts(self) -> int:
        """Acts that count."""
        return self.right + self.missed

    @property
    def precision(self) -> Share:
        """Share of reports that are right."""
        return Share.of(self.right, self.right + self.false)

    @property
    def recall(self) -> Share:
        """Share of acts that were reported."""
        return Share.of(self.right, self.acts)

    @property
    def f1(self) -> Share:
        """Harmonic mean of both.

        With J = right / (right + missed + false), F1 = 2 J / (1 + J), which grows with J; so the
        ends of J's interval give those of F1.
        """
        union = Share.of(self.right, self.acts + self.false)
        value, low, high = (2 * j / (1 + j) for j in (union.value, union.low, union.high))
        return Share(value, low, high, union.of_)

    @property
    def false_per_hour(self) -> tuple[float, float, float]:
        """False alarms an hour and camera, with the 95 % interval (Poisson)."""
        low, high = poisson(self.false)
        hours = self.hours or inf
        return self.false / hours, low / hours, high / hours

    def error(self, percent: float) -> float | None:
        """A percentile of the distance between act and report, seconds; None without any."""
        if not self.off_s:
            return None
        return float(np.percentile(np.abs(self.off_s), percent, method="inverted_cdf"))


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (Wilson 1927).

    Attributes:
        value: 0-1; 0 where nothing was counted.
        low: Lower end.
        high: Upper end.
        of_: Of how many.
    """

    value: float
    low: float
    high: float
    of_: int

    @staticmethod
    def of(hits: int, number: int) -> Share:
        """So many of a number."""
        low, high = wilson(hits, number)
        return Share(hits / number if number else 0.0, low, high, number)

    def figure(self, name: str) -> Figure:
        """As a published figure."""
        return Figure(name=name, value=self.value, unit="1", low=self.low, high=self.high)


Scores = Mapping[tuple[Rule, str], Tally]
"""(rule, slice) → tally."""


def score(results: Iterable[tuple[Watched, tuple[Verdict, ...]]]) -> dict[tuple[Rule, str], Tally]:
    """Sum up clips, for each rule and slice."""
    table: dict[tuple[Rule, str], Tally] = {}
    for watched, verdicts in results:
        mine = {rule: Tally(hours=watched.clip.seconds / 3600) for rule in watched.clip.rules}
        for verdict in verdicts:
            rule = rule_of(watched, verdict)
            mine.setdefault(rule, Tally(hours=watched.clip.seconds / 3600)).count(verdict)
        for rule, tally in mine.items():
            for part in (ALL, *watched.clip.conditions.slices):
                table.setdefault((rule, part), Tally()).add(tally)
    return table


def rule_of(watched: Watched, verdict: Verdict) -> Rule:
    """The rule that a verdict is about."""
    if verdict.act is not None:
        return watched.acts[verdict.act].rule
    assert verdict.flagged is not None
    return watched.flagged[verdict.flagged].rule


def figures(scores: Scores, rate: float, hours: float, tail: str = "") -> list[Figure]:
    """The figures of the rules, each for all clips and then for each slice.

    A share of nothing is no figure, so a rule without acts in a slice has no recall there.

    Args:
        scores: The tallies.
        rate: Frames a second.
        hours: Hours of camera of all clips together.
        tail: Appended to each name.
    """
    made: list[Figure] = []
    for (rule, part), tally in scores.items():
        end = ("" if part == ALL else f".{part}") + tail
        for name in ("precision", "recall", "f1"):
            share: Share = getattr(tally, name)
            if share.of_:
                made.append(share.figure(f"rules.{rule}.{name}{end}"))
        for percent in (50, 95):
            error = tally.error(percent)
            if error is not None:
                name = f"rules.{rule}.act_error_p{percent}"
                made.append(Figure(name=f"{name}{end}", value=error, unit="s"))
                made.append(Figure(name=f"{name}_frames{end}", value=error * rate, unit="frames"))
        if part == ALL:
            made.append(_alarms(f"rules.{rule}.false_alarms_per_hour{end}", tally))
            made.append(Figure(name=f"rules.{rule}.acts{end}", value=tally.acts, unit="acts"))
            doubtful = Figure(name=f"rules.{rule}.doubtful{end}", value=tally.doubtful, unit="acts")
            made.append(doubtful)
    total = Tally(hours=hours)
    for (_, part), tally in scores.items():
        if part == ALL:
            total.false += tally.false
    made.append(_alarms(f"rules.false_alarms_per_hour{tail}", total))
    return made


def poisson(count: int) -> tuple[float, float]:
    """The 95 % interval of a count of rare events, by Byar's approximation.

    It is within 1 % of the exact one from 1 on (Breslow and Day 1987, vol. II, p. 69); for 0 the
    upper end is exact: -ln 0.025.
    """
    z = 1.959964
    if count == 0:
        return 0.0, 3.688879
    low = count * (1 - 1 / (9 * count) - z / (3 * sqrt(count))) ** 3
    more = count + 1
    return max(0.0, low), more * (1 - 1 / (9 * more) + z / (3 * sqrt(more))) ** 3


def _alarms(name: str, tally: Tally) -> Figure:
    value, low, high = tally.false_per_hour
    return Figure(name=name, value=value, unit="1/h", low=low, high=high)

"""What a run over simulated clips gives: per clip, and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ioc.events import Rule
from measure.accuracy.simulated.confusion import OF_DETECTOR, Cause, Mistake
from measure.accuracy.simulated.matching import Verdict
from measure.accuracy.simulated.plates import PlateCase
from measure.accuracy.simulated.scores import Tally, figures, rule_of, score
from measure.accuracy.simulated.watched import Watched
from measure.figures import Figure


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip with what became of its acts and reports.

    Attributes:
        watched: Truth and result.
        verdicts: Of every act and every report.
        mistakes: What went wrong, with causes.
    """

    watched: Watched
    verdicts: tuple[Verdict, ...]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip.

    Attributes:
        judged: With the boxes that were asked for.
        by_truth: With the true boxes, where the boxes were a model's.
        pictures: Place of a mistake → thumbnail, JPEG.
        plates: What was read, where that was asked for.
        seconds: Time that it took.
    """

    judged: Judged
    by_truth: Judged | None = None
    pictures: dict[int, bytes] = field(default_factory=dict)
    plates: tuple[PlateCase, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class RulesReport:
    """All clips of a run.

    Attributes:
        clips: In the order of seeds and places.
        boxes: ``model`` or ``truth``.
        model: Name and digest of the model; empty with true boxes.
        seconds: Length of a clip.
    """

    clips: Sequence[ClipResult]
    boxes: str
    model: tuple[str, str]
    seconds: float

    @cached_property
    def scores(self) -> dict[tuple[Rule, str], Tally]:
        """(rule, slice) → tally, with the boxes that were asked for."""
        return score((one.judged.watched, one.judged.verdicts) for one in self.clips)

    @cached_property
    def scores_by_truth(self) -> dict[tuple[Rule, str], Tally]:
        """The same with the true boxes; empty where no model was asked for."""
        return score(
            (one.by_truth.watched, one.by_truth.verdicts)
            for one in self.clips
            if one.by_truth is not None
        )

    @property
    def hours(self) -> float:
        """Hours of camera."""
        return sum(one.judged.watched.clip.seconds for one in self.clips) / 3600

    @property
    def rate(self) -> float:
        """Frames a second of the clips."""
        return self.clips[0].judged.watched.clip.rate if self.clips else 1.0

    @cached_property
    def causes(self) -> Counter[tuple[Rule, str, Cause]]:
        """(rule, ``missed`` or ``false``, cause) → how often."""
        counts: Counter[tuple[Rule, str, Cause]] = Counter()
        for one in self.clips:
            for mistake in one.judged.mistakes:
                rule = rule_of(one.judged.watched, mistake.verdict)
                kind = "missed" if mistake.verdict.kind == "missed" else "false"
                counts[rule, kind, mistake.cause] += 1
        return counts

    @cached_property
    def lost(self) -> dict[Rule, Loss]:
        """What each rule lost, by who lost it. Without a model all is the rules'."""
        table: dict[Rule, Loss] = {}
        for one in self.clips:
            also = _mistaken(one.by_truth)
            for mistake in one.judged.mistakes:
                watched, verdict = one.judged.watched, mistake.verdict
                loss = table.setdefault(rule_of(watched, verdict), Loss())
                by_detector = (
                    one.by_truth is not None and _key(watched, verdict) not in also
                ) or mistake.cause in OF_DETECTOR
                loss.count(verdict.kind == "missed", by_detector)
        return table

    def figures(self) -> list[Figure]:
        """All figures; with a model those of the true boxes end in ``.true_boxes``."""
        made = figures(self.scores, self.rate, self.hours)
        if self.scores_by_truth:
            made += figures(self.scores_by_truth, self.rate, self.hours, ".true_boxes")
        made.append(Figure(name="rules.camera_hours", value=self.hours, unit="h"))
        return made


@dataclass(slots=True)
class Loss:
    """Acts missed and false alarms of one rule, by who is to blame."""

    missed_by_detector: int = 0
    missed_by_rule: int = 0
    false_by_detector: int = 0
    false_by_rule: int = 0

    def count(self, missed: bool, by_detector: bool) -> None:
        """Count a mistake."""
        if missed and by_detector:
            self.missed_by_detector += 1
        elif missed:
            self.missed_by_rule += 1
        elif by_detector:
            self.false_by_detector += 1
        else:
            self.false_by_rule += 1


def _mistaken(judged: Judged | None) -> set[tuple[str, str, int]]:
    if judged is None:
        return set()
    return {_key(judged.watched, mistake.verdict) for mistake in judged.mistakes}


def _key(watched: Watched, verdict: Verdict) -> tuple[str, str, int]:
    """What makes a mistake the same with other boxes: rule, kind and road user."""
    kind = "missed" if verdict.kind == "missed" else "false"
    return rule_of(watched, verdict), kind, -1 if verdict.body is None else verdict.body

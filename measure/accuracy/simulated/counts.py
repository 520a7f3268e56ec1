"""Line crossings of simulated clips against the true ones, by line and class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from measure.accuracy.counts import geh_of
from measure.accuracy.simulated.watched import Watched
from measure.figures import Figure


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line (or class of it) over some clips.

    Attributes:
        name: Place, camera and line, or a class.
        counted: Crossings that the system counted.
        true: Crossings that happened.
        hours: Hours of camera.
        part: Slice, or ``all``.
    """

    name: str
    counted: int
    true: int
    hours: float
    part: str = "all"

    @property
    def error(self) -> float:
        """Counted less true, as a share of the true ones; 0 where nothing crossed."""
        return (self.counted - self.true) / self.true if self.true else float(self.counted)

    @property
    def geh(self) -> float:
        """GEH of the flows an hour: below 5 is a good fit."""
        return geh_of(self.counted, self.true, self.hours * 3600)


@dataclass(frozen=True, slots=True)
class CountReport:
    """All rows: sums of slices, lines, classes; and the GEH of each line of each clip."""

    slices: tuple[CountRow, ...]
    lines: tuple[CountRow, ...]
    classes: tuple[CountRow, ...]
    geh: tuple[float, ...]


def run(clips: Sequence[Watched]) -> CountReport:
    """Sum up clips. People on foot are left out: a line counts traffic."""
    slices: dict[str, list[float]] = {}
    lines: dict[str, list[float]] = {}
    classes: dict[str, list[float]] = {}
    geh: list[float] = []
    for one in clips:
        hours = one.clip.seconds / 3600
        counted: Counter[tuple[str, str]] = Counter(
            (passed.line, passed.vehicle) for passed in one.passed if passed.vehicle != "pedestrian"
        )
        true: Counter[tuple[str, str]] = Counter(
            {key: n for key, n in one.true_counts.items() if key[1] != "pedestrian"}
        )
        for part in ("all", *one.clip.conditions.slices):
            _add(slices, part, counted.total(), true.total(), hours)
        for kind in sorted({kind for _, kind in (*counted, *true)}):
            _add(classes, kind, _of(counted, 1, kind), _of(true, 1, kind), hours)
        for line in sorted({line for line, _ in (*counted, *true)}):
            mine, real = _of(counted, 0, line), _of(true, 0, line)
            _add(lines, f"{one.clip.place}/{one.clip.camera}.{line}", mine, real, hours)
            geh.append(geh_of(mine, real, one.clip.seconds))
    return CountReport(
        tuple(_row(name, sums, name) for name, sums in slices.items()),
        tuple(_row(name, sums) for name, sums in sorted(lines.items())),
        tuple(_row(name, sums) for name, sums in sorted(classes.items())),
        tuple(geh),
    )


def figures(report: CountReport) -> list[Figure]:
    """The figures; an error of 3 % is 3.0, whichever way it goes."""
    made = []
    for row in report.slices:
        tail = "" if row.part == "all" else f".{row.part}"
        made.append(Figure(name=f"counts.error{tail}", value=100 * abs(row.error), unit="%"))
    off = sum(abs(row.counted - row.true) for row in report.lines)
    true = sum(row.true for row in report.lines)
    made.append(Figure(name="counts.error_by_line", value=100 * off / max(true, 1), unit="%"))
    off = sum(abs(row.counted - row.true) for row in report.classes)
    made.append(Figure(name="counts.error_by_class", value=100 * off / max(true, 1), unit="%"))
    for row in report.lines:
        name = row.name.replace("/", ".")
        made.append(Figure(name=f"counts.error.{name}", value=100 * abs(row.error), unit="%"))
        made.append(Figure(name=f"counts.geh.{name}", value=row.geh, unit="GEH"))
    if report.geh:
        good = sum(one < 5 for one in report.geh) / len(report.geh)
        made.append(Figure(name="counts.geh_max", value=max(report.geh), unit="GEH"))
        made.append(Figure(name="counts.geh_below_5", value=good, unit="1"))
    return made


def _of(counts: Counter[tuple[str, str]], place: int, name: str) -> int:
    return sum(number for key, number in counts.items() if key[place] == name)


def _add(table: dict[str, list[float]], name: str, counted: int, true: int, hours: float) -> None:
    sums = table.setdefault(name, [0, 0, 0.0])
    sums[0], sums[1], sums[2] = sums[0] + counted, sums[1] + true, sums[2] + hours


def _row(name: str, sums: list[float], part: str = "all") -> CountRow:
    return CountRow(name, int(sums[0]), int(sums[1]), sums[2], part)

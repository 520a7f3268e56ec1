"""What the detector finds on a real Vietnamese junction, and what it costs.

A box is right when it lies on a drawn one of its kind: intersection over union of at least 0.5 for
four-wheelers and 0.3 for motorbikes, whose drawn boxes hold the rider too. Cars, buses and trucks
are one kind, as lanes and rules take them; how they are confused is told beside. Far and dark
vehicles are not all drawn, so that precision is a lower bound. Neighbouring frames are nearly alike
and the Wilson intervals take boxes for independent, so that the true ones are wider.

The tiles were chosen on every second frame, from the first on; ``held_out`` tells of the others.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ioc.children import end_with
from ioc.errors import ConfigError
from ioc.intervals import wilson
from measure.accuracy.junction import HEIGHT, WIDTH, Labelled, at_night, load_junction
from measure.figures import Figure
from models.registry import resolve
from vision.detect.detections import BODY, CLASSES, Detections, FloatArray, iou
from vision.detect.session import Detector, DetectorSettings
from vision.detect.views import Region, grid
from vision.source.picture import Picture

Kind = Literal["motorbike", "four_wheeler"]
Way = Literal["whole", "tiles"]

KINDS: Final[dict[Kind, tuple[frozenset[str], int, float]]] = {
    "motorbike": (frozenset({"MOTORBIKE"}), 1, 0.3),
    "four_wheeler": (frozenset({"BUS", "CAR", "TRUCK"}), 0, 0.5),
}
"""Kind → the labels, the detector's body, and the least overlap."""

LIKE: Final = {"BUS": "bus", "CAR": "car", "MOTORBIKE": "motorcycle", "TRUCK": "truck"}
NOTHING: Final = "-"
TIMED: Final = 30
"""Frames of the timing. One frame after another, as a single camera gives them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a frame is looked at.

    Attributes:
        columns: Tiles side by side, beside the whole frame.
        rows: Tiles above each other.
        overlap: Share of a tile that its neighbour covers too.
        score: Boxes below are not counted.
    """

    columns: int = 2
    rows: int = 1
    overlap: float = 0.2
    score: float = 0.25

    def regions(self, way: Way) -> list[Region]:
        """The tiles of a way to look."""
        if way == "whole":
            return []
        return grid(WIDTH, HEIGHT, self.columns, self.rows, self.overlap)


@dataclass(slots=True)
class Tally:
    """Counts of one kind over some frames.

    Attributes:
        right: Drawn boxes that were found.
        drawn: Drawn boxes.
        found: Boxes of the detector.
    """

    right: int = 0
    drawn: int = 0
    found: int = 0

    def add(self, other: Tally) -> None:
        """Count another one in."""
        self.right += other.right
        self.drawn += other.drawn
        self.found += other.found


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One frame.

    Attributes:
        night: Whether it is dark.
        tallies: Way and kind → counts.
        confusion: (way, drawn class, found class) → boxes; "-" for none.
    """

    night: bool
    tallies: dict[tuple[Way, Kind], Tally]
    confusion: Counter[tuple[Way, str, str]]


@dataclass(slots=True)
class Report:
    """All that was measured.

    Attributes:
        slices: (slice, way, kind) → counts; slices are all, day, night and held_out.
        confusion: (way, drawn class, found class) → boxes.
        cost_ms: Way → median milliseconds of a frame.
        frames: Frames looked at.
    """

    slices: dict[tuple[str, Way, Kind], Tally] = field(default_factory=dict)
    confusion: Counter[tuple[Way, str, str]] = field(default_factory=Counter)
    cost_ms: dict[Way, float] = field(default_factory=dict)
    frames: int = 0


def run(
    data: Path,
    model: str,
    progress: Callable[[str], None],
    *,
    layout: Layout | None = None,
    every: int = 1,
    jobs: int = 1,
    threads: int = 0,
) -> Report:
    """Measure.

    Args:
        data: Folder of the data.
        model: Name of a known model, or a path.
        progress: Told what happens.
        layout: How frames are looked at.
        every: Only every so many-th frame.
        jobs: Processes that share the frames; the cost is always that of one.
        threads: Inference threads of the timing, 0 for all cores.

    Raises:
        ConfigError: Data or model are missing or wrong.
    """
    layout = layout or Layout()
    frames = load_junction(data, every)
    report = Report(frames=len(frames))
    progress(f"timing {min(TIMED, len(frames))} frames")
    report.cost_ms = cost(
        frames, Detector(resolve(model), DetectorSettings(threads=threads)), layout
    )
    each = max(1, (threads or os.cpu_count() or 1) // max(jobs, 1))
    parts = [frames[start::jobs] for start in range(jobs)]
    work = partial(results, model=model, layout=layout, threads=each)
    progress(f"looking at {len(frames)} frames")
    if jobs == 1:
        found = [work(frames)]
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn"), end_with, (os.getpid(),)) as pool:
            found = list(pool.map(work, parts))
    for start, share in enumerate(found):
        for place, result in enumerate(share):
            _count(report, result, held_out=(start + place * jobs) * every % 2 == 1)
    return report


def cost(frames: Sequence[Labelled], detector: Detector, layout: Layout) -> dict[Way, float]:
    """Median milliseconds of ``Detector.detect`` on a frame, each way in turn."""
    spent: dict[Way, list[float]] = {"whole": [], "tiles": []}
    detector.warm_up()
    for frame in frames[:: max(1, len(frames) // TIMED)][:TIMED]:
        picture = Picture(bgr=frame.image())
        for way, times in spent.items():
            begun = time.perf_counter()
            detector.detect([picture], [layout.regions(way)])
            times.append(time.perf_counter() - begun)
    return {way: statistics.median(times) * 1000 for way, times in spent.items()}


def results(
    frames: Sequence[Labelled], *, model: str, layout: Layout, threads: int
) -> list[FrameResult]:
    """What is found in some frames, against what was drawn."""
    detector = Detector(resolve(model), DetectorSettings(threads=threads))
    done = []
    for frame in frames:
        image = frame.image()
        picture = Picture(bgr=image)
        ways: tuple[Way, ...] = ("whole", "tiles")
        tallies, confusion = {}, Counter[tuple[Way, str, str]]()
        for way in ways:
            found = detector.detect([picture], [layout.regions(way)])[0].vehicles
            found = found.select(found.score >= layout.score)
            for kind in KINDS:
                tallies[way, kind] = tally(frame, found, kind)
            for pair, number in confused(frame, found).items():
                confusion[way, *pair] += number
        done.append(FrameResult(at_night(image), tallies, confusion))
    return done


def tally(frame: Labelled, found: Detections, kind: Kind) -> Tally:
    """Counts of one kind in a frame."""
    labels, body, least = KINDS[kind]
    drawn = frame.xyxy[[label in labels for label in frame.label]]
    mine = found.select(BODY[found.class_id] == body)
    pairs = pair(mine, drawn, np.full(len(drawn), least, np.float32))
    return Tally(len(pairs), len(drawn), len(mine))


def pair(found: Detections, drawn: FloatArray, least: FloatArray) -> list[tuple[int, int]]:
    """Boxes and the drawn ones that they lie on, the surest box first, each used once.

    Args:
        found: Boxes.
        drawn: Drawn boxes [N, 4].
        least: Overlap that each drawn box asks for [N].
    """
    if not len(drawn):
        return []
    overlap = iou(found.xyxy, drawn)
    overlap[overlap < least] = 0
    pairs = []
    for index in np.argsort(-found.score, kind="stable"):
        at = int(overlap[index].argmax())
        if overlap[index, at] > 0:
            pairs.append((int(index), at))
            overlap[:, at] = 0
    return pairs


def confused(frame: Labelled, found: Detections) -> Counter[tuple[str, str]]:
    """Drawn class against found class, whatever the class of the box that lies on it."""
    rows = [number for number, label in enumerate(frame.label) if label in LIKE]
    names = [LIKE[frame.label[number]] for number in rows]
    least = np.array([0.3 if name == "motorcycle" else 0.5 for name in names], np.float32)
    riding = found.select(BODY[found.class_id] < 2)
    pairs = pair(riding, frame.xyxy[rows], least)
    seen = Counter((names[at], CLASSES[riding.class_id[index]]) for index, at in pairs)
    missed = set(range(len(names))) - {at for _, at in pairs}
    extra = set(range(len(riding))) - {index for index, _ in pairs}
    seen.update((names[at], NOTHING) for at in missed)
    seen.update((NOTHING, CLASSES[riding.class_id[index]]) for index in extra)
    return Counter({(str(true), str(got)): number for (true, got), number in seen.items()})


def figures(report: Report) -> list[Figure]:
    """The figures: all frames first, then each slice, then the same for the whole frame alone."""
    made = []
    for (part, way, kind), counts in report.slices.items():
        prefix = "detection" + ("" if part == "all" else f".{part}")
        prefix += "" if way == "tiles" else ".whole"
        for name, of in (("recall", counts.drawn), ("precision", counts.found)):
            low, high = wilson(counts.right, of)
            value = counts.right / of if of else 0.0
            made.append(
                Figure(name=f"{prefix}.{kind}.{name}", value=value, unit="1", low=low, high=high)
            )
    for way, spent in report.cost_ms.items():
        name = "detection.cost" if way == "tiles" else "detection.whole.cost"
        made.append(Figure(name=name, value=spent, unit="ms/frame"))
    order = {"all": 0, "held_out": 1, "day": 2, "night": 3}
    return sorted(
        made, key=lambda one: (".whole." in one.name, order.get(one.name.split(".")[1], 0))
    )


def parse_grid(text: str) -> tuple[int, int]:
    """Columns and rows of ``2x1``.

    Raises:
        ConfigError: It is something else.
    """
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit() and 1 <= int(columns) * int(rows) <= 16):
        raise ConfigError(f"--tiles {text}: give columns and rows such as 2x1, 16 tiles at most")
    return int(columns), int(rows)


def _count(report: Report, result: FrameResult, held_out: bool) -> None:
    parts: Iterable[str] = ("all", "night" if result.night else "day")
    if held_out:
        parts = (*parts, "held_out")
    for part in parts:
        for (way, kind), counts in result.tallies.items():
            report.slices.setdefault((part, way, kind), Tally()).add(counts)
    report.confusion.update(result.confusion)

"""Plates on simulated clips: what the vote over each vehicle's track says, against the truth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from measure.accuracy.plates import aligned, bare
from measure.accuracy.simulated.scores import Share
from measure.accuracy.simulated.watched import Watched
from measure.figures import Figure
from vision.evidence.looks import best_looks
from vision.evidence.stills import TimedBox
from vision.plate.readers import CropReader
from vision.source.file import FileSource
from vision.source.picture import Image

LEAST_PX: Final = 20.0
"""A plate that is lower in every frame is not asked for."""

BANDS_PX: Final = (LEAST_PX, 30.0, 40.0)
"""Heights that are told apart: of two lines on 20 pixels each has letters of 7."""


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A plate that the camera could read.

    Attributes:
        body: Whose it is.
        text: The registration.
        lines: Lines of text on it.
        height_px: Height where it is seen best, pixels.
    """

    body: int
    text: str
    lines: int
    height_px: float


@dataclass(frozen=True, slots=True)
class PlateCase:
    """What became of a plate.

    Attributes:
        truth: The plate.
        parts: The slices of its clip.
        told: What the vote says; None where it does not stand.
        best: The text that most looks take it for, told or not; None where none was found.
        looks: Pictures that it was read off.
    """

    truth: TruePlate
    parts: tuple[str, ...]
    told: str | None
    best: str | None
    looks: int

    @property
    def outcome(self) -> str:
        """``exact``, ``wrong`` or ``none``."""
        if self.told is None:
            return "none"
        return "exact" if bare(self.told) == bare(self.truth.text) else "wrong"


def read_clip(
    watched: Watched,
    plates: Sequence[TruePlate],
    video: Path,
    reader: CropReader,
) -> list[PlateCase]:
    """Read every plate of a clip that can be asked for.

    As evidence is made: the best looks at the vehicle along its track, then the vote over them.

    Raises:
        ConfigError: The video cannot be read.
    """
    wanted = [plate for plate in plates if plate.height_px >= LEAST_PX]
    looks = {plate.body: looks_at(watched, plate.body) for plate in wanted}
    crops = _crops(video, looks, watched.clip.rate)
    return [
        _case(plate, watched.clip.conditions.slices, crops.get(plate.body, ()), reader)
        for plate in wanted
    ]


def looks_at(watched: Watched, body: int) -> tuple[TimedBox, ...]:
    """The pictures in which the track that is longest on a vehicle shows it best."""
    mine = np.flatnonzero(watched.owner == body)
    if not len(mine):
        return ()
    names, often = np.unique(watched.tracks.id[mine], return_counts=True)
    rows = np.flatnonzero(watched.tracks.id == names[often.argmax()])
    rate = watched.clip.rate
    return best_looks(
        [
            TimedBox(int(frame) / rate, *map(float, box))
            for frame, box in zip(
                watched.tracks.frame[rows], watched.tracks.xyxy[rows], strict=True
            )
        ],
        watched.clip.size,
    )


def figures(cases: Sequence[PlateCase]) -> list[Figure]:
    """Exact, wrong but told, and none; all first, then each slice."""
    made = []
    for part in dict.fromkeys(["all", *(part for case in cases for part in case.parts)]):
        mine = [case for case in cases if part == "all" or part in case.parts]
        tail = "" if part == "all" else f".{part}"
        for name, outcome in (("exact", "exact"), ("wrong_confident", "wrong"), ("none", "none")):
            hits = sum(case.outcome == outcome for case in mine)
            made.append(Share.of(hits, len(mine)).figure(f"plates.{name}{tail}"))
        made.append(Figure(name=f"plates.asked{tail}", value=len(mine), unit="plates"))
    for low, high in pairwise((*BANDS_PX, math.inf)):
        mine = [case for case in cases if low <= case.truth.height_px < high]
        if mine:
            hits = sum(case.outcome == "exact" for case in mine)
            made.append(Share.of(hits, len(mine)).figure(f"plates.exact.from_{low:g}_px"))
    for lines in (1, 2):
        mine = [case for case in cases if case.truth.lines == lines]
        if mine:
            hits = sum(case.outcome == "exact" for case in mine)
            made.append(Share.of(hits, len(mine)).figure(f"plates.exact.lines_{lines}"))
    return made


def confusion(cases: Iterable[PlateCase]) -> Counter[tuple[str, str]]:
    """True and read characters of each plate's best text, told or not; right ones too."""
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        if case.best is not None:
            counts.update(aligned(bare(case.truth.text), bare(case.best)))
    return counts


def _crops(
    video: Path, looks: dict[int, tuple[TimedBox, ...]], rate: float
) -> dict[int, list[Image]]:
    """What the looks show. The file is decoded once more, so that nothing else is kept of it."""
    due: dict[int, list[tuple[int, TimedBox]]] = {}
    for body, boxes in looks.items():
        for box in boxes:
            due.setdefault(round(box.time_s * rate), []).append((body, box))
    crops: dict[int, list[Image]] = {}
    if not due:
        return crops
    last = max(due)
    with FileSource(video) as source:
        for frame in source:
            for body, box in due.get(frame.index, ()):
                part = frame.picture.crop(box.left, box.top, box.right, box.bottom)
                crops.setdefault(body, []).append(part.copy())
            if frame.index >= last:
                break
    return crops


def _case(
    plate: TruePlate, parts: tuple[str, ...], crops: Sequence[Image], reader: CropReader
) -> PlateCase:
    readings = reader.read(crops) if crops else []
    told = reader.decide(readings)
    seen = [one for one in readings if one is not None]
    best = max(seen, key=lambda one: one.confidence).candidates[0].text if seen else None
    text = None if told is None else told.text
    return PlateCase(plate, parts, text, text or best, len(crops))

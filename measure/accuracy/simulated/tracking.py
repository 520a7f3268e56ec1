"""Tracking on simulated clips: HOTA, MOTA and IDF1 of what the node's tracker gives out.

As in the MOT challenges, a road user that nobody could be asked to follow is ignored: one that is
mostly hidden, mostly outside the picture, or tiny. A track's box that lies on such a one is left
out before the rest is scored, so it counts neither for nor against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np

from ioc.errors import ConfigError
from measure.accuracy.mot import MotFrame
from measure.accuracy.simulated.watched import Watched
from measure.accuracy.tracking import Given, Raw, Scores, metrics_of, score, scores_of
from measure.figures import Figure
from vision.detect.detections import Detections, iou
from vision.track.assignment import assign

VISIBLE: Final = 0.3
INSIDE: Final = 0.5
LEAST_PX: Final = 20.0
OVERLAP: Final = 0.5
"""From here on a track's box lies on an ignored road user, as in the MOT challenges."""

IGNORED: Final = (
    f"ignored: road users of which less than {VISIBLE:.0%} is visible, that the picture's edge "
    f"cuts to less than {INSIDE:.0%}, or lower than {LEAST_PX:g} px"
)


@dataclass(frozen=True, slots=True)
class TrackingRow:
    """Scores of some clips together: slice (or ``all``), clips, scores."""

    part: str
    clips: int
    scores: Scores


def scored(watched: Watched) -> tuple[tuple[MotFrame, ...], Given]:
    """Truth and tracks of a clip as they are scored, frame by frame."""
    truth, tracks = watched.truth, watched.tracks
    tall = truth.xyxy[:, 3] - truth.xyxy[:, 1] >= LEAST_PX
    asked = tall & (truth.share >= VISIBLE) & (watched.inside >= INSIDE)
    frames, given = [], []
    for number in range(watched.clip.frames):
        real, mine = truth.span(number, number), tracks.span(number, number)
        boxes, names = tracks.xyxy[mine], tracks.id[mine]
        wanted = asked[real]
        rows, columns = assign(iou(boxes, truth.xyxy[real]), OVERLAP)
        kept = np.ones(len(boxes), np.bool_)
        kept[rows[~wanted[columns]]] = False
        frames.append(
            MotFrame(Detections.empty(), truth.id[real][wanted], truth.xyxy[real][wanted])
        )
        given.append((names[kept], boxes[kept]))
    return tuple(frames), given


def run(clips: Sequence[Watched], progress: Callable[[str], None]) -> list[TrackingRow]:
    """Score clips, together and in slices.

    Raises:
        ConfigError: ``trackeval`` is missing.
    """
    metrics = _metrics()
    raw: dict[str, tuple[tuple[str, ...], Raw]] = {}
    for one in clips:
        progress(f"tracking: {one.clip.name}")
        raw[one.clip.name] = (one.clip.conditions.slices, score(*scored(one), metrics))
    parts = dict.fromkeys(["all", *(part for slices, _ in raw.values() for part in slices)])
    rows = []
    for part in parts:
        mine = {name: r for name, (slices, r) in raw.items() if part == "all" or part in slices}
        together = tuple(
            metric.combine_sequences({name: one[place] for name, one in mine.items()})
            for place, metric in enumerate(metrics_of(metrics))
        )
        rows.append(
            TrackingRow(part, len(mine), scores_of((together[0], together[1], together[2])))
        )
    return rows


def figures(rows: Sequence[TrackingRow]) -> list[Figure]:
    """The figures: all clips first, then each slice."""
    made = []
    for row in rows:
        tail = "" if row.part == "all" else f".{row.part}"
        for name in ("hota", "mota", "idf1"):
            value = getattr(row.scores, name)
            made.append(Figure(name=f"tracking.{name}{tail}", value=value, unit="%"))
        made.append(Figure(name=f"tracking.idsw{tail}", value=row.scores.switches, unit="switches"))
    return made


def _metrics() -> ModuleType:
    try:
        return import_module("trackeval.metrics")
    except ImportError as error:
        raise ConfigError(
            f"the package trackeval is needed to score tracking, and {error}; install the "
            "development extra: pip install -e '.[dev]'"
        ) from None

"""Tracking on public detections, beside the trackers of the package ``trackers``.

HOTA (Luiten et al. 2021, arXiv 2009.07736), MOTA and IDF1 as ``trackeval`` computes them. Every
tracker gets the same boxes. The others run with their own defaults and with settings that suit
these detections better; a figure's limit is the best that any of them reaches in that very score.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ioc.errors import ConfigError
from measure.accuracy import sort
from measure.accuracy.mot import FPS, MotFrame, Sequence, load_sequence
from measure.figures import Figure, against
from vision.detect.detections import CLASS_ID, Detections, FloatArray, IntArray, iou
from vision.track.bytetrack import Tracker

SEQUENCES = ("TUD-Campus", "TUD-Stadtmitte")
COMBINED = "combined"
OBJECTS = 30
STEPS = 600

Given = list[tuple[IntArray, FloatArray]]
"""Identities and boxes that a tracker gives out, frame by frame."""
Run = Callable[[tuple[MotFrame, ...]], Given]
Raw = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Scores:
    """How right a tracker is.

    Attributes:
        hota: Higher-order tracking accuracy, mean over its thresholds, %.
        mota: Multi-object tracking accuracy at an overlap of 0.5, %.
        idf1: Share of boxes that carry the right identity, F1, %.
        switches: Times that a person changes identity.
        extra: Boxes without a person.
        missed: Persons without a box.
    """

    hota: float
    mota: float
    idf1: float
    switches: int
    extra: int
    missed: int


@dataclass(frozen=True, slots=True)
class Row:
    """One tracker's scores: sequence (or ``combined``) → scores."""

    tracker: str
    scores: Mapping[str, Scores]


def run(
    folder: Path, progress: Callable[[str], None] = lambda _text: None
) -> tuple[list[Row], list[Figure]]:
    """Track both sequences with every tracker.

    Args:
        folder: The data; the sequences lie in its folder ``mot``.
        progress: Called with what is being done.

    Returns:
        A row for each tracker and setting, ours first, and the figures.

    Raises:
        ConfigError: Data or a package is missing.
    """
    sequences = [load_sequence(folder / "mot" / name) for name in SEQUENCES]
    metrics = _package("trackeval.metrics")
    ours = _row("ioc", ours_on, sequences, metrics)
    rows = [ours, _row("SORT (written from the paper)", sort.run, sequences, metrics)]
    for name, other in references():
        progress(name)
        rows.append(_row(name, other, sequences, metrics))
    figures = []
    for sequence in (*SEQUENCES, COMBINED):
        mine = ours.scores[sequence]
        tail = "" if sequence == COMBINED else f".{sequence}"
        for score in ("hota", "mota", "idf1"):
            best = max(getattr(row.scores[sequence], score) for row in rows[2:])
            figures.append(against(f"tracking.{score}{tail}", getattr(mine, score), best, "%"))
        figures.append(
            Figure(name=f"tracking.idsw{tail}", value=float(mine.switches), unit="switches")
        )
    progress("time of a step")
    return rows, figures + step_figures()


def ours_on(frames: tuple[MotFrame, ...]) -> Given:
    """Our tracker with the settings that every camera has; boxes of what it sees right now."""
    tracker, given = Tracker(), []
    for number, frame in enumerate(frames):
        tracks = tracker.step(frame.found, number / FPS)
        given.append((tracks.id[tracks.seen], tracks.xyxy[tracks.seen]))
    return given


def score(frames: Iterable[MotFrame], given: Given, metrics: ModuleType) -> Raw:
    """What ``trackeval`` makes of one sequence."""
    true_of: dict[int, int] = {}
    given_of: dict[int, int] = {}
    true_ids, given_ids, alike = [], [], []
    for frame, (ids, boxes) in zip(frames, given, strict=True):
        true_ids.append(_numbered(frame.true_id, true_of))
        given_ids.append(_numbered(ids, given_of))
        alike.append(iou(frame.true_xyxy, boxes).astype(np.float64))
    data = {
        "gt_ids": true_ids,
        "tracker_ids": given_ids,
        "similarity_scores": alike,
        "num_timesteps": len(true_ids),
        "num_gt_ids": len(true_of),
        "num_tracker_ids": len(given_of),
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, given_ids)),
    }
    hota, clear, identity = metrics_of(metrics)
    return hota.eval_sequence(data), clear.eval_sequence(data), identity.eval_sequence(data)


def scores_of(raw: Raw) -> Scores:
    """The numbers that matter, in per cent."""
    hota, clear, identity = raw
    return Scores(
        hota=100 * float(np.mean(hota["HOTA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        switches=int(clear["IDSW"]),
        extra=int(clear["CLR_FP"]),
        missed=int(clear["CLR_FN"]),
    )


def references() -> list[tuple[str, Run]]:
    """SORT and ByteTrack of ``trackers``: as they come, and with settings about these boxes."""
    package = _package("trackers")
    sorts = [
        {"minimum_iou_threshold": overlap, "minimum_consecutive_frames": hits}
        for overlap, hits in product((0.1, 0.2, 0.3), (1, 2, 3))
    ]
    # Of these detections none scores below 0.5, half of them above 0.98.
    bytes_ = [
        {
            "track_activation_threshold": start,
            "high_conf_det_threshold": high,
            "minimum_iou_threshold": overlap,
            "minimum_consecutive_frames": hits,
        }
        for start, high, overlap, hits in product((0.6, 0.7), (0.3, 0.6), (0.1, 0.2, 0.3), (1, 2))
    ]
    found: list[tuple[str, Run]] = []
    for label, kind, settings in (
        ("trackers SORT", package.SORTTracker, sorts),
        ("trackers ByteTrack", package.ByteTrackTracker, bytes_),
    ):
        for one in ({}, *settings):
            shown = ", ".join(f"{_short(key)} {value:g}" for key, value in one.items())
            found.append((f"{label} ({shown or 'defaults'})", _reference(kind, one)))
    return found


def step_figures(steps: int = STEPS) -> list[Figure]:
    """How long one frame of 30 vehicles takes, on the wall and in processor time."""
    frames = moving(steps)
    tracker = Tracker()
    wall, busy = np.empty(steps), np.empty(steps)
    for number, found in enumerate(frames):
        before, before_busy = time.perf_counter(), time.thread_time()
        tracker.step(found, number / FPS)
        wall[number] = time.perf_counter() - before
        busy[number] = time.thread_time() - before_busy
    other = _package("trackers").ByteTrackTracker(frame_rate=FPS)
    boxes = [_boxes(found) for found in frames[: steps // 3]]
    theirs = np.empty(len(boxes))
    for number, box in enumerate(boxes):
        before = time.perf_counter()
        other.update(box)
        theirs[number] = time.perf_counter() - before
    wall, busy, theirs = 1e3 * wall[10:], 1e3 * busy[10:], 1e3 * theirs[10:]
    return [
        against("tracking.step", float(np.median(wall)), float(np.median(theirs)), "ms"),
        Figure(name="tracking.step.p95", value=float(np.percentile(wall, 95)), unit="ms"),
        Figure(name="tracking.step.cpu_p50", value=float(np.median(busy)), unit="ms"),
        Figure(name="tracking.step.cpu_p95", value=float(np.percentile(busy, 95)), unit="ms"),
    ]


def moving(steps: int, objects: int = OBJECTS, seed: int = 0) -> list[Detections]:
    """Frames of vehicles that drive about, each missed once in seven, scores 0.2 to 0.9."""
    rng = np.random.default_rng(seed)
    start, speed = rng.uniform(0, 1500, (objects, 2)), rng.uniform(-80, 80, (objects, 2))
    half = np.array([30, 20])
    frames = []
    for number in range(steps):
        # Vehicles turn back at the edge, so that all of them stay in the picture.
        way = np.abs((start + speed * number / FPS + 1500) % 3000 - 1500)
        centre = way + rng.normal(0, 1.5, (objects, 2))
        seen = rng.uniform(size=objects) > 1 / 7
        frames.append(
            Detections(
                np.concatenate((centre - half, centre + half), axis=1).astype(np.float32)[seen],
                rng.uniform(0.2, 0.9, objects).astype(np.float32)[seen],
                np.full(int(seen.sum()), CLASS_ID["car"], np.int64),
            )
        )
    return frames


def _row(name: str, tracker: Run, sequences: list[Sequence], metrics: ModuleType) -> Row:
    raw = {each.name: score(each.frames, tracker(each.frames), metrics) for each in sequences}
    scores = {sequence: scores_of(one) for sequence, one in raw.items()}
    together = tuple(
        metric.combine_sequences({name: one[part] for name, one in raw.items()})
        for part, metric in enumerate(metrics_of(metrics))
    )
    scores[COMBINED] = scores_of((together[0], together[1], together[2]))
    return Row(name, scores)


def _reference(kind: Any, settings: Mapping[str, float]) -> Run:
    def tracked(frames: tuple[MotFrame, ...]) -> Given:
        tracker = kind(frame_rate=FPS, **settings)
        given: Given = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame in frames:
                out = tracker.update(_boxes(frame.found))
                # They mark boxes that belong to no track yet with -1.
                named = out.tracker_id >= 0
                given.append((out.tracker_id[named].astype(np.int64), out.xyxy[named]))
        return given

    return tracked


def _boxes(found: Detections) -> Any:
    return _package("supervision").Detections(
        xyxy=found.xyxy, confidence=found.score, class_id=found.class_id
    )


def metrics_of(metrics: ModuleType) -> tuple[Any, Any, Any]:
    """HOTA, CLEAR and Identity of ``trackeval``, in the order of ``Raw``."""
    quiet = {"PRINT_CONFIG": False}
    return metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)


def _numbered(ids: IntArray, known: dict[int, int]) -> IntArray:
    return np.array([known.setdefault(int(each), len(known)) for each in ids], np.int64)


def _short(key: str) -> str:
    return {
        "minimum_iou_threshold": "overlap",
        "minimum_consecutive_frames": "frames",
        "track_activation_threshold": "start",
        "high_conf_det_threshold": "high",
    }[key]


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"the package {name.partition('.')[0]} is needed to score tracking, and {error}; "
            "install the development extra: pip install -e '.[dev]'"
        ) from None

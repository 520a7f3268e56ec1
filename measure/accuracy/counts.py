"""Line crossings on real clips against counts made by eye."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ioc.camera import Camera
from ioc.errors import ConfigError
from ioc.site import load_site
from measure.figures import Figure
from models.registry import resolve
from vision.counts import Crossing, LineCounter
from vision.detect.detections import Detections
from vision.detect.session import Detector, DetectorSettings
from vision.scene import build_scene, whole
from vision.source.file import FileSource
from vision.track.assignment import assign
from vision.track.bytetrack import Tracker

SITES = Path(__file__).resolve().parent / "sites"
CLIPS = ("six_lane_topdown", "motorway_curve", "car-detection")
RATES = (1, 2, 4)
"""Every frame, every second, every fourth: 24 frames a second become 12 and 6."""

SLACK_S = 0.5
"""A crossing belongs to a vehicle if it lies so close to the time that the vehicle was on the
line: the truth was read to two frames, and one hidden at the line is timed by interpolation."""


@dataclass(frozen=True, slots=True)
class TrueLine:
    """What was counted by eye on one line.

    Attributes:
        id: Name of the line.
        total: Vehicles.
        tolerance: How far off a count may be, as the truth itself says.
        by_class: Class → vehicles.
        spans: First and last frame of each vehicle on the line, [N, 2].
    """

    id: str
    total: int
    tolerance: int
    by_class: Counter[str]
    spans: np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class LineResult:
    """One run on one line.

    Attributes:
        clip: The clip.
        model: File name of the detector's weights.
        every: One frame of so many was used.
        offset: The first one used.
        fps: Frames a second that were left.
        seconds: Length of the clip.
        truth: What is true.
        by_class: What was counted, people on foot left out, as the truth leaves them out.
        on_foot: People on foot who crossed.
        matched: Vehicles that were counted.
        missed: Spans of the vehicles that were not, in frames of the clip.
        extra: Frames of crossings that belong to no vehicle.
    """

    clip: str
    model: str
    every: int
    offset: int
    fps: float
    seconds: float
    truth: TrueLine
    by_class: Counter[str]
    on_foot: int
    matched: int
    missed: tuple[tuple[int, int], ...]
    extra: tuple[float, ...]

    @property
    def counted(self) -> int:
        """Vehicles counted."""
        return self.by_class.total()

    @property
    def off(self) -> int:
        """Counted less true."""
        return self.counted - self.truth.total

    @property
    def fits(self) -> bool:
        """Whether the count is inside the truth's own tolerance."""
        return abs(self.off) <= self.truth.tolerance

    @property
    def geh(self) -> float:
        """GEH of the flows an hour (UK DMRB): below 5 is a good fit."""
        return geh_of(self.counted, self.truth.total, self.seconds)

    @property
    def confusion(self) -> dict[tuple[str, str], int]:
        """(true class, counted class) → vehicles; the least that the sums by class allow.

        The truth gives classes by line and not by vehicle, so what agrees in number is taken to
        agree in fact. Class ``none`` stands for a vehicle too few or too many.
        """
        true, counted = +self.truth.by_class, +self.by_class
        agreed = true & counted
        table = {(name, name): number for name, number in agreed.items()}
        wrong_true = sorted((true - agreed).elements())
        wrong_counted = sorted((counted - agreed).elements())
        length = max(len(wrong_true), len(wrong_counted))
        wrong_true += ["none"] * (length - len(wrong_true))
        wrong_counted += ["none"] * (length - len(wrong_counted))
        for pair in zip(wrong_true, wrong_counted, strict=True):
            table[pair] = table.get(pair, 0) + 1
        return table


def geh_of(counted: float, true: float, seconds: float) -> float:
    """GEH of two counts as flows an hour (UK DMRB): below 5 is a good fit."""
    hour = 3600 / seconds
    both = (counted + true) * hour
    return float(np.sqrt(2 * ((counted - true) * hour) ** 2 / both)) if both else 0.0


def run(
    folder: Path,
    models: Sequence[str],
    progress: Callable[[str], None] = lambda _text: None,
    clips: Sequence[str] = CLIPS,
    threads: int = 0,
) -> list[LineResult]:
    """Count on each clip with each model, at each rate and from each first frame.

    Args:
        folder: The data: videos, groundtruth, models.
        models: Names or paths, as ``ioc edge run --model`` takes them.
        progress: Called with what is being done.
        clips: Names of the clips.
        threads: Inference threads; 0 is all cores.

    Raises:
        ConfigError: A file is missing or wrong.
    """
    results = []
    for clip in clips:
        truth, video = load_truth(folder / "groundtruth" / f"{clip}.json")
        camera = load_site(SITES / f"{clip}.yaml").camera(None)
        for model in models:
            progress(f"{clip}, {Path(model).name}")
            found, times, size = _detected(folder / video, camera, model, threads)
            for every in RATES:
                for offset in range(every):
                    crossings = crossings_of(
                        camera, size, found[offset::every], times[offset::every]
                    )
                    rate = (len(times) - 1) / max(times[-1], 1e-3)
                    for line in truth:
                        mine = [one for one in crossings if one.line == line.id]
                        results.append(
                            _result(clip, Path(model).name, every, offset, rate, times, line, mine)
                        )
    return results


def figures(results: Sequence[LineResult]) -> list[Figure]:
    """The figures: each line at full rate, then all lines of a rate together."""
    found = []
    for one in results:
        if one.every == 1:
            name = f"counts.error.{one.clip}.{one.truth.id}.{Path(one.model).stem}"
            found.append(
                Figure(name=name, value=100 * abs(one.off) / max(one.truth.total, 1), unit="%")
            )
    for model in sorted({one.model for one in results}):
        for every in RATES:
            same = [one for one in results if one.every == every and one.model == model]
            if not same:
                continue
            tail = f"{Path(model).stem}" + ("" if every == 1 else f".every{every}")
            true = sum(one.truth.total for one in same)
            counted = sum(one.counted for one in same)
            matched = sum(one.matched for one in same)
            for name, value, unit in (
                ("error", 100 * sum(abs(one.off) for one in same) / max(true, 1), "%"),
                ("recall", 100 * matched / max(true, 1), "%"),
                ("precision", 100 * matched / max(counted, 1), "%"),
                ("lines_in_tolerance", sum(one.fits for one in same) / len(same), "share"),
            ):
                found.append(Figure(name=f"counts.{name}.{tail}", value=value, unit=unit))
    return found


def load_truth(path: Path) -> tuple[list[TrueLine], str]:
    """The lines of a ground-truth file, and its video's path in the data.

    Raises:
        ConfigError: It is missing, or not such a file.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        lines = [
            TrueLine(
                str(line["id"]),
                int(line["count_total"]),
                int(line["tolerance"]),
                Counter({str(name): int(n) for name, n in line["by_class"].items()}),
                np.array(
                    [
                        event["frames"] if isinstance(event, dict) else event
                        for event in line["events"]
                    ],
                    np.float64,
                ).reshape(-1, 2),
            )
            for line in content["lines"]
        ]
        return lines, str(content["video"])
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; --data names the folder of it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a ground truth of counts: {error!r}") from None


def crossings_of(
    camera: Camera, size: tuple[int, int], found: Sequence[Detections], times: Sequence[float]
) -> list[Crossing]:
    """Crossings of a camera's lines, through the tracker that every camera has."""
    tracker, counter = Tracker(), LineCounter(build_scene(camera, *size).lines)
    crossings = []
    for boxes, at_s in zip(found, times, strict=True):
        crossings += counter.observe(tracker.step(boxes, at_s), at_s)
    return crossings


def match(line: TrueLine, frames: Sequence[float], slack: float) -> tuple[list[int], list[int]]:
    """Pair vehicles with crossings so that most are paired, the closest ones first.

    Args:
        line: The truth.
        frames: Frame of each crossing.
        slack: Most that a crossing may lie before or after the vehicle's span, frames.

    Returns:
        Index of each vehicle's span that was found, and of the crossing that it got.
    """
    at = np.asarray(frames, np.float64)[None, :]
    first, last = line.spans[:, :1], line.spans[:, 1:]
    beyond = np.maximum(np.maximum(first - at, at - last), 0)
    # Every pair that may be made counts far more than how close it is.
    from_middle = np.abs(at - (first + last) / 2) / (last - first + 2 * slack + 1)
    alike = np.where(beyond <= slack, 0.9 + 0.1 * (1 - np.minimum(from_middle, 1)), 0)
    spans, crossings = assign(alike.astype(np.float32), 0.5)
    return spans.tolist(), crossings.tolist()


def _result(
    clip: str,
    model: str,
    every: int,
    offset: int,
    rate: float,
    times: Sequence[float],
    line: TrueLine,
    crossings: Sequence[Crossing],
) -> LineResult:
    vehicles = [one for one in crossings if one.vehicle != "pedestrian"]
    frames = [one.time_s * rate for one in vehicles]
    spans, used = match(line, frames, SLACK_S * rate)
    return LineResult(
        clip=clip,
        model=model,
        every=every,
        offset=offset,
        fps=rate / every,
        seconds=times[-1] + 1 / rate,
        truth=line,
        by_class=Counter(one.vehicle for one in vehicles),
        on_foot=len(crossings) - len(vehicles),
        matched=len(spans),
        missed=tuple(
            (int(first), int(last))
            for index, (first, last) in enumerate(line.spans)
            if index not in spans
        ),
        extra=tuple(round(at, 1) for index, at in enumerate(frames) if index not in used),
    )


def _detected(
    video: Path, camera: Camera, model: str, threads: int
) -> tuple[list[Detections], list[float], tuple[int, int]]:
    """Boxes and time of every frame: found once, used at every rate."""
    detector = Detector(resolve(model), DetectorSettings(threads=threads))
    found, times = [], []
    with FileSource(video) as source:
        size = source.width, source.height
        factor = np.array([size[0] / camera.frame.width, size[1] / camera.frame.height])
        tiles = [(whole(tile.box, factor), tile.every) for tile in camera.tiles]
        for frame in source:
            due = [box for box, every in tiles if frame.index % every == 0]
            found.append(detector.detect([frame.picture], [due], [camera.flatten])[0].vehicles)
            times.append(frame.pts_s)
    return found, times, size

"""Runs clips, a process each: simulate, render if asked, watch, compare."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from ioc.camera import Camera
from ioc.children import end_with
from ioc.errors import ConfigError
from ioc.site import Site
from measure.accuracy.simulated.confusion import mistakes
from measure.accuracy.simulated.eyes import Seen, watch_truth, watch_video
from measure.accuracy.simulated.matching import match
from measure.accuracy.simulated.plates import PlateCase, read_clip
from measure.accuracy.simulated.results import ClipResult, Judged
from measure.accuracy.simulated.thumbnail import frame_of, thumbnail
from measure.accuracy.simulated.truths import (
    acts_of,
    boxes_of,
    clip_of,
    counts_of,
    detections_of,
    plates_of,
    signals_of,
)
from measure.accuracy.simulated.watched import Watched
from models.registry import resolve
from simulator.clip import clip_name, make_truth, make_world
from simulator.conditions import TRAINING_SEEDS
from simulator.place import Mount, Place
from simulator.places import PLACES, place_of
from simulator.render.renderer import Renderer
from simulator.truth.site_file import site_of
from simulator.truth.truth import Truth
from simulator.video import write_video
from simulator.world import World
from vision.detect.session import Detector, DetectorSettings
from vision.plate.readers import reader_for
from vision.source.file import FileSource
from vision.source.picture import Image

Boxes = Literal["model", "truth"]

MOST_PICTURES = 24
"""Thumbnails of one clip: a clip in which more goes wrong shows the same again and again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        seeds: One world each, at every place.
        seconds: Length of each clip.
        boxes: Whose boxes the tracker gets.
        model: Name or path of the detector; not looked at with true boxes.
        places: Names of places; all when empty.
        lamps: Read the lamps in the picture instead of the controller's own words.
        plates: Read the plates, too.
        pictures: Make thumbnails of mistakes.
        by_truth: Judge the same clips with true boxes, too.
        keep: Folder that rendered clips are left in; None for none.
        threads: Inference threads of a process.
    """

    seeds: tuple[int, ...]
    seconds: float
    boxes: Boxes
    model: str
    places: tuple[str, ...] = ()
    lamps: bool = False
    plates: bool = False
    pictures: bool = False
    by_truth: bool = False
    keep: Path | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class _Job:
    plan: Plan
    place: str
    mount: str
    seed: int


def run(plan: Plan, jobs: int, progress: Callable[[str], None]) -> list[ClipResult]:
    """Measure every clip.

    Args:
        plan: What.
        jobs: Processes.
        progress: Told as clips get done.

    Returns:
        The clips in the order of seeds and places; after Ctrl-C those that were done.

    Raises:
        ConfigError: A seed was trained on, the model is not there, or the extra ``sim`` is not.
    """
    check_seeds(plan)
    places = [place_of(name) for name in plan.places] or list(PLACES.values())
    work = [
        _Job(plan, place.id, mount.id, seed)
        for seed in plan.seeds
        for place in places
        for mount in place.mounts
    ]
    done: dict[int, ClipResult] = {}
    # Fresh processes: the traffic simulator keeps its state for a whole process.
    context = get_context("spawn")
    with ProcessPoolExecutor(
        min(jobs, len(work)), context, _begin, (os.getpid(),), max_tasks_per_child=1
    ) as pool:
        running = {pool.submit(measure, job): number for number, job in enumerate(work)}
        try:
            for future in as_completed(running):
                result = done[running[future]] = future.result()
                progress(f"{len(done)} of {len(work)}: {_told(result)}")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            if not done:
                raise
            progress(f"interrupted: the figures are of {len(done)} of {len(work)} clips")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [result for _, result in sorted(done.items())]


def _begin(parent: int) -> None:
    """Called first in each process: Ctrl-C ends it without a word, the parent says what is done."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with(parent)


def check_seeds(plan: Plan) -> None:
    """Refuse seeds that the model may have been trained on.

    Raises:
        ConfigError: One was, or the model is not known.
    """
    trained = set(plan.seeds) & set(TRAINING_SEEDS)
    if trained:
        raise ConfigError(
            f"--seed {min(trained)}: seeds {TRAINING_SEEDS.start} to {TRAINING_SEEDS[-1]} are set "
            "aside for training, and a model is never measured on what it learnt from; choose "
            "others"
        )
    if plan.boxes == "model":
        resolve(plan.model)


def measure(job: _Job) -> ClipResult:
    """One clip, in this process."""
    begun = time.monotonic()
    plan, place = job.plan, place_of(job.place)
    mount = place.mount(job.mount)
    world = make_world(place, job.seed, plan.seconds)
    truth = make_truth(world, place, mount)
    site = site_of(place)
    camera = site.camera(mount.id)
    by_truth = None
    if plan.boxes == "truth" or plan.by_truth:
        by_truth = _judge_truth(truth, mount, site, camera)
    if plan.boxes == "truth":
        assert by_truth is not None
        pictures: dict[int, bytes] = {}
        if plan.pictures and by_truth.mistakes:
            renderer = Renderer(world, place, mount)
            pictures = _thumbnails(
                by_truth, ((number, renderer.frame(number)) for number in _wanted(by_truth))
            )
        return ClipResult(by_truth, pictures=pictures, seconds=time.monotonic() - begun)
    with _folder(plan) as folder:
        video = _film(folder, world, place, mount)
        detector = Detector(resolve(plan.model), DetectorSettings(threads=plan.threads))
        signals = deque() if plan.lamps else signals_of(truth)
        seen = watch_video(site, camera, video, detector, signals)
        judged = _judged(truth, mount, seen)
        pictures = {}
        if plan.pictures:
            pictures = _thumbnails(judged, _frames(video, _wanted(judged)))
        plates: list[PlateCase] = []
        if plan.plates:
            reader = reader_for(detector.model, plan.threads)
            plates = read_clip(judged.watched, plates_of(truth), video, reader)
    return ClipResult(judged, by_truth, pictures, tuple(plates), time.monotonic() - begun)


def _judge_truth(truth: Truth, mount: Mount, site: Site, camera: Camera) -> Judged:
    seen = watch_truth(site, camera, detections_of(truth), truth.rate, signals_of(truth))
    return _judged(truth, mount, seen)


def _judged(truth: Truth, mount: Mount, seen: Seen) -> Judged:
    watched = Watched(
        clip=clip_of(truth, mount),
        acts=acts_of(truth),
        flagged=tuple(seen.flagged),
        truth=boxes_of(truth),
        inside=truth.boxes.inside.astype("float32"),
        found=seen.boxes(seen.found),
        tracks=seen.boxes(seen.tracks),
        heads={head: tuple(phases) for head, phases in seen.heads.items()},
        bare=seen.boxes(seen.bare),
        passed=tuple(seen.passed),
        true_counts=counts_of(truth),
    )
    verdicts = match(watched)
    return Judged(watched, verdicts, tuple(mistakes(watched, verdicts)))


def _wanted(judged: Judged) -> list[int]:
    """The frames that thumbnails are made of, in order."""
    chosen = judged.mistakes[:MOST_PICTURES]
    return sorted({frame_of(judged.watched, mistake) for mistake in chosen})


def _thumbnails(judged: Judged, frames: Iterator[tuple[int, Image]]) -> dict[int, bytes]:
    made = {}
    for number, picture in frames:
        for place, mistake in enumerate(judged.mistakes[:MOST_PICTURES]):
            if frame_of(judged.watched, mistake) == number:
                made[place] = thumbnail(picture, judged.watched, mistake)
    return made


def _frames(video: Path, wanted: Sequence[int]) -> Iterator[tuple[int, Image]]:
    due = set(wanted)
    if not due:
        return
    with FileSource(video) as source:
        for frame in source:
            if frame.index in due:
                yield frame.index, frame.picture.bgr()
            if frame.index >= wanted[-1]:
                return


def _film(folder: Path, world: World, place: Place, mount: Mount) -> Path:
    """The rendered clip."""
    renderer = Renderer(world, place, mount)
    video = folder / f"{clip_name(place, mount, world.seed)}.mp4"
    pictures = (renderer.frame(step) for step in range(world.steps))
    write_video(video, pictures, world.steps, world.rate)
    return video


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    if plan.keep is not None:
        plan.keep.mkdir(parents=True, exist_ok=True)
        yield plan.keep
        return
    with tempfile.TemporaryDirectory(prefix="ioc-accuracy-") as name:
        yield Path(name)


def _told(result: ClipResult) -> str:
    kinds = [verdict.kind for verdict in result.judged.verdicts]
    return (
        f"{result.judged.watched.clip.name}: {kinds.count('right')} right, "
        f"{kinds.count('missed')} missed, {kinds.count('false') + kinds.count('double')} false, "
        f"{kinds.count('doubtful')} doubtful, {result.seconds:.0f} s"
    )

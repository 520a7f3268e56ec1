"""Labelled pictures of the virtual junctions, to train a detector on.

Each picture comes with a text file in YOLO's format and one more column: class, centre x, centre
y, width, height (shares of the picture) and the share of the object that nothing hides. Cameras
are moved and zoomed a little from world to world, so that a model does not learn one view by heart.
All classes of vehicles come about as often, and a third of the heads are bare: what a model seldom
sees it does not learn.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.children import end_with
from ioc.errors import ConfigError
from simulator.camera import Lens
from simulator.conditions import TRAINING_SEEDS, conditions_of
from simulator.place import Mount
from simulator.places import PLACES
from simulator.render.coverage import coverage
from simulator.render.renderer import Renderer
from simulator.traffic.simulation import simulate
from simulator.truth.seen import Observation, observe
from simulator.video import Image, Progress
from simulator.world import RATE, Body

CLASSES: Final = (
    "motorcycle", "car", "bus", "truck", "bicycle", "three_wheeler", "pedestrian",
    "rider", "helmet", "no_helmet", "plate", "lamp",
)  # fmt: skip

EVERY_S: Final = 0.8
"""Pictures of one world lie so far apart; closer ones are nearly alike."""
BARE: Final = 0.35
"""Share of motorcyclists' heads without a helmet; in pictures of the town it is one in twenty."""
CHECK_EVERY: Final = 10
"""Each tenth world is kept to check the model with."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to render.

    Attributes:
        worlds: How many worlds; each is seen by the cameras of one place, in turn.
        pictures: Pictures of each.
        first_seed: Seed of the first world.
        width: Columns of the stored pictures.
    """

    worlds: int
    pictures: int
    first_seed: int = TRAINING_SEEDS.start
    width: int = 960

    @property
    def seeds(self) -> range:
        """The seeds of the worlds."""
        return range(self.first_seed, self.first_seed + self.worlds)


@dataclass(frozen=True, slots=True)
class Written:
    """How many pictures were written, to train on and to check with."""

    train: int
    val: int


def make_dataset(
    folder: Path, plan: Plan, jobs: int = 1, progress: Progress | None = None
) -> Written:
    """Render and label pictures; worlds that are there already are kept, so that it can go on.

    Args:
        folder: Where to.
        plan: What.
        jobs: Processes that share the work.
        progress: Told after each world.

    Raises:
        ConfigError: The seeds are not those set aside for training.
    """
    if plan.seeds.start not in TRAINING_SEEDS or plan.seeds[-1] not in TRAINING_SEEDS:
        raise ConfigError(
            f"seeds {plan.seeds.start} to {plan.seeds[-1]}: train on {TRAINING_SEEDS.start} to "
            f"{TRAINING_SEEDS[-1]} only; accuracy is measured on the others"
        )
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    names: dict[int, list[str]] = {}
    # Fresh processes: the traffic simulator keeps its state for a whole process.
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=end_with, initargs=(os.getpid(),)
    ) as pool:
        running = [(seed, pool.submit(_world, folder, plan, seed)) for seed in plan.seeds]
        for done, (seed, job) in enumerate(running, start=1):
            names[seed] = job.result()
            if progress is not None:
                progress(done, plan.worlds)
    return _write_index(folder, plan, names)


def _write_index(folder: Path, plan: Plan, names: dict[int, list[str]]) -> Written:
    split: dict[str, list[str]] = {"train": [], "val": []}
    for number, seed in enumerate(plan.seeds):
        # Worlds alternate between the places, so ten in a row end with the same one.
        checked = number % (2 * CHECK_EVERY) in (CHECK_EVERY - 1, 2 * CHECK_EVERY - 2)
        split["val" if checked else "train"] += names[seed]
    index = {"classes": CLASSES, "seeds": list(plan.seeds), "width": plan.width, "split": split}
    part = folder / "dataset.json.part"
    part.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / "dataset.json")
    return Written(len(split["train"]), len(split["val"]))


def _world(folder: Path, plan: Plan, seed: int) -> list[str]:
    """Render one world; gives the names of its pictures."""
    done = folder / f"{seed}.done"
    if done.is_file():
        return done.read_text(encoding="utf-8").split()
    cv2.setNumThreads(1)
    places = list(PLACES.values())
    place = places[seed % len(places)]
    rng = np.random.default_rng(seed)
    step = max(1, round(EVERY_S * RATE))
    # Which conditions a seed has goes by its number too; halved, both places see all of them.
    seconds = plan.pictures * EVERY_S + 1
    world = simulate(place, seed, seconds, conditions_of(seed // len(places)), "even")
    world = replace(world, bodies=tuple(bared(body, rng) for body in world.bodies))
    names: list[str] = []
    steps = list(range(step - 1, world.steps, step))[: plan.pictures]
    for mount, chosen in zip(place.mounts, _dealt(steps, len(place.mounts)), strict=True):
        moved = replace(mount, lens=jittered(mount.lens, rng))
        renderer = Renderer(world, place, moved)
        for number in chosen:
            picture = renderer.frame(number)
            seen = observe(world, place, moved, number, coverage(world, place, moved, number))
            name = f"{seed}-{mount.id}-{number:05d}"
            _write(folder, name, picture, labels(seen, moved), plan.width, rng)
            names.append(name)
    done.write_text("\n".join(names), encoding="utf-8")
    return names


def bared(body: Body, rng: np.random.Generator) -> Body:
    """Who rides a motorcycle, some of them without helmets; others stay as they are."""
    if body.kind != "motorcycle":
        return body
    return replace(body, helmets=tuple(bool(rng.random() >= BARE) for _ in body.helmets))


def _dealt(steps: Sequence[int], hands: int) -> list[list[int]]:
    return [list(steps[number::hands]) for number in range(hands)]


def jittered(lens: Lens, rng: np.random.Generator) -> Lens:
    """A lens hung and zoomed a little differently: up to 4 degrees, 1 m and 12 %."""
    turn, tilt = np.radians(rng.uniform(-4, 4)), np.radians(rng.uniform(-2, 2))
    x, y, z = rng.uniform(-1.0, 1.0, 3) * (0.8, 0.8, 0.6)
    return replace(
        lens,
        x=lens.x + float(x),
        y=lens.y + float(y),
        z=lens.z + float(z),
        heading=lens.heading + float(turn),
        tilt=min(math.radians(60), lens.tilt + float(tilt)),
        focal_mm=lens.focal_mm * float(rng.uniform(0.88, 1.12)),
        k1=lens.k1 * float(rng.uniform(0.5, 1.5)),
    )


def labels(seen: Observation, mount: Mount) -> NDArray[np.float64]:
    """Lines of a label file: class, centre x, centre y, width, height, visible share, [K, 6]."""
    column = {name: number for number, name in enumerate(CLASSES)}
    rows = [
        (column[kind], *box, visible)
        for kind, box, visible in seen.labelled()
        if kind in column
    ]  # fmt: skip
    if not rows:
        return np.empty((0, 6))
    table = np.array(rows, dtype=np.float64)
    left, top, right, bottom = table[:, 1:5].T
    size = np.array([mount.lens.width, mount.lens.height] * 2, dtype=np.float64)
    boxes = np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=1)
    return np.concatenate([table[:, :1], boxes / size, table[:, 5:]], axis=1)


def _write(
    folder: Path,
    name: str,
    picture: Image,
    rows: NDArray[np.float64],
    width: int,
    rng: np.random.Generator,
) -> None:
    height = round(picture.shape[0] * width / picture.shape[1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    # Recorders compress; JPEG at these qualities leaves blocks much like theirs.
    quality = int(rng.integers(55, 92))
    path = folder / "images" / f"{name}.jpg"
    if not cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise ConfigError(f"{path}: cannot be written; is the disk full?")
    lines = [f"{int(row[0])} " + " ".join(f"{value:.6f}" for value in row[1:]) for row in rows]
    (folder / "labels" / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")

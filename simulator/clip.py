"""A rendered clip with its ground truth, as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ioc.errors import ConfigError
from simulator.conditions import Conditions, conditions_of
from simulator.place import Mount, Place
from simulator.render.coverage import coverage
from simulator.render.renderer import Renderer
from simulator.traffic.simulation import simulate
from simulator.truth.files import write_truth
from simulator.truth.truth import Truth, truth_of
from simulator.video import BITRATE_KBPS, Image, Progress, write_video
from simulator.world import World

LEAST_S = 1.0
MOST_S = 3600.0


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """What ``make_clip`` wrote.

    Attributes:
        video: The MP4.
        truth: The ground truth; its other files lie beside it under the same name.
        site: The site file that a camera node runs the clip with.
        signals: The controllers' events, for ``ioc edge run --signals``; None without signals.
    """

    video: Path
    truth: Path
    site: Path
    signals: Path | None


def clip_name(place: Place, mount: Mount, seed: int) -> str:
    """What the files of a clip are called, without their endings."""
    return f"{place.city}-{place.site}-{mount.id}-{seed}"


def make_world(
    place: Place, seed: int, seconds: float, conditions: Conditions | None = None
) -> World:
    """The traffic of a clip.

    Raises:
        ConfigError: The clip is too short or too long.
    """
    if not LEAST_S <= seconds <= MOST_S:
        raise ConfigError(f"a clip of {seconds:g} s: give {LEAST_S:g} s to {MOST_S / 60:g} min")
    return simulate(place, seed, seconds, conditions or conditions_of(seed))


def make_truth(world: World, place: Place, mount: Mount) -> Truth:
    """The ground truth of what a camera sees of a world."""
    hidden = (coverage(world, place, mount, step) for step in range(world.steps))
    return truth_of(world, place, mount, np.stack(list(hidden)))


def pictures(world: World, place: Place, mount: Mount) -> Iterator[Image]:
    """All pictures of a camera, BGR [H, W, 3]."""
    renderer = Renderer(world, place, mount)
    for step in range(world.steps):
        yield renderer.frame(step)


def make_clip(
    place: Place,
    mount: Mount,
    seed: int,
    seconds: float,
    folder: Path,
    conditions: Conditions | None = None,
    progress: Progress | None = None,
    bitrate_kbps: int = BITRATE_KBPS,
    *,
    fast: bool = True,
) -> ClipFiles:
    """Simulate, render and write a clip with its truth.

    Args:
        place: Where.
        mount: Which camera.
        seed: Makes the world; the same seed gives the same bytes of truth.
        seconds: Length.
        folder: Where to; made if it is not there.
        conditions: Light, weather and traffic; left out, those of the seed.
        progress: Told after each picture.
        bitrate_kbps: Of the video, thousand bits a second.
        fast: Real-time speed of the encoder.

    Raises:
        ConfigError: The extra ``sim`` is not installed, or the length is out of bounds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(place, seed, seconds, conditions)
    name = clip_name(place, mount, seed)
    video = folder / f"{name}.mp4"
    write_video(
        video,
        pictures(world, place, mount),
        world.steps,
        world.rate,
        progress,
        bitrate_kbps,
        fast=fast,
    )
    written = write_truth(folder, name, make_truth(world, place, mount), place, video.name)
    return ClipFiles(video, written.truth, written.site, written.signals)

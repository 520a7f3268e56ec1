"""``ioc sim video``, ``dataset`` and ``plates``: rendered clips and pictures with ground truth."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simulator.place import Place

Places = Annotated[
    list[str] | None,
    typer.Option("--place", help="City or city/site; again for more. Left out, all."),
]
Light = Annotated[str | None, typer.Option(help="day, dusk or night; left out, by the seed.")]
Weather = Annotated[
    str | None, typer.Option(help="clear, rain, fog or glare; left out, by the seed.")
]
Density = Annotated[
    str | None, typer.Option(help="sparse, normal or dense; left out, by the seed.")
]


def video(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    seed: Annotated[int, typer.Option(min=0, help="Makes the world.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.02, max=60, help="Length.")] = 1.0,
    place: Places = None,
    light: Light = None,
    weather: Weather = None,
    density: Density = None,
    bitrate: Annotated[int, typer.Option(min=100, max=50_000, help="kbit/s.")] = 1800,
    small: Annotated[
        bool, typer.Option("--small", help="Take four times as long over a smaller file.")
    ] = False,
) -> None:
    """Render clips of the virtual junctions: MP4, and beside it what is true.

    NAME.mp4, NAME.truth.json (vehicles, plates, helmets, signals, violations with their times,
    counts), NAME.boxes.txt (MOTChallenge), NAME.parts.csv, NAME.site.yaml and NAME.signals.jsonl
    for ioc edge run.
    """
    from simulator.clip import clip_name, make_clip
    from simulator.conditions import chosen_conditions

    conditions = chosen_conditions(seed, light, weather, density)
    for one in _places(place):
        for mount in one.mounts:
            what = f"{clip_name(one, mount, seed)} ({conditions})"
            with _bar(what) as progress:
                files = make_clip(
                    one, mount, seed, minutes * 60, out, conditions, progress, bitrate,
                    fast=not small,
                )  # fmt: skip
            size = files.video.stat().st_size / 1e6
            typer.echo(f"{files.video}  {size:.1f} MB", err=True)
            typer.echo(f"  ioc edge run {files.site} --no-publish --out events.jsonl", err=True)


def dataset(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    worlds: Annotated[int, typer.Option(min=1, max=10_000, help="How many worlds.")] = 60,
    pictures: Annotated[int, typer.Option(min=1, max=2000, help="Pictures of each.")] = 50,
    first_seed: Annotated[int, typer.Option(help="Seed of the first world.")] = 100_000,
    width: Annotated[int, typer.Option(min=320, max=1920, help="Columns of a picture.")] = 960,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the work.")] = 1,
) -> None:
    """Render labelled pictures to train a detector on: seeds that no accuracy is measured on."""
    from simulator.dataset import Plan, make_dataset

    plan = Plan(worlds=worlds, pictures=pictures, first_seed=first_seed, width=width)
    with _bar(f"{worlds} worlds of {pictures} pictures") as progress:
        written = make_dataset(out, plan, jobs, progress)
    typer.echo(f"{out}: {written.train} pictures to train on, {written.val} to check", err=True)


def plates(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    count: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many.")] = 12_000,
    seed: Annotated[int, typer.Option(help="Chooses them.")] = 100_000,
) -> None:
    """Draw flat number plates with their text, to train the reader of small plates on."""
    from simulator.plate_pictures import make_plates

    with _bar(f"{count} plates") as progress:
        make_plates(out, count, seed, progress)
    typer.echo(f"{out}: {count} plates", err=True)


def _places(names: list[str] | None) -> list[Place]:
    from simulator.places import PLACES, place_of

    return [place_of(name) for name in names] if names else list(PLACES.values())


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Progress on standard error: a bar in a terminal, a line every ten seconds elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = told = time.monotonic()
    typer.echo(what, err=True)

    def line(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= 10 or done == total:
            told = now
            left = (now - began) / done * (total - done)
            typer.echo(f"  {done} of {total}, {left:.0f} s left", err=True)

    yield line

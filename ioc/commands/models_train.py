"""``ioc models train``: our own detector, from a dataset of rendered scenes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ioc.errors import ConfigError

Seed = Annotated[int, typer.Option(min=0, help="Of the weights and all that is drawn.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as one object.")]
ModelFolder = Annotated[Path, typer.Option(help="Folder of the model file and its report.")]


def train(
    data: Annotated[Path, typer.Option(help="Folder of `ioc sim dataset`.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoint, model files and report.")],
    epochs: Annotated[int, typer.Option(min=1, help="Times that every picture is seen.")] = 12,
    seed: Seed = 0,
    batch: Annotated[int, typer.Option(min=1, max=512, help="Pictures of one step.")] = 8,
    rate: Annotated[float, typer.Option(help="Highest step size.")] = 3e-3,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from OUT/last.pt.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train our own detector, export it as float32 and int8, and report how good it is."""
    _need_torch("train")
    if not 0 < rate <= 0.1:
        raise ConfigError(f"--rate {rate}: give a step size above 0 and up to 0.1")
    from models.train.pipeline import train as run
    from models.train.settings import Settings

    report = run(
        *(data, out, Settings(epochs=epochs, seed=seed, batch=batch, rate=rate), resume, device),
        lambda line: typer.echo(str(line), err=as_json),
    )
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    for kind, made in report["files"].items():
        typer.echo(
            f"{kind}: {out / made['file']}, AP50 {made['ap50']:.3f}, AP {made['ap']:.3f}, "
            f"{made['milliseconds']:.1f} ms a picture"
        )
    typer.echo(f"report: {out / 'report.md'}")


def train_heads(
    data: Annotated[Path, typer.Option(help="Folder of `ioc sim dataset`.")],
    out: ModelFolder,
    epochs: Annotated[int, typer.Option(min=1, help="Times that every head is seen.")] = 25,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train the second look at heads: helmet, bare, or no head at all, from full-size crops."""
    _need_torch("train-heads")
    from models.train.crop_report import write_heads
    from models.train.heads import train_heads as run

    report = run(data, out, epochs, seed, lambda line: typer.echo(line, err=as_json))
    write_heads(report, out / "HEADS.md")
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    for band in report["bands"]:
        typer.echo(
            f"heads from {band['from_px']:.0f} px: {band['heads']}, right {band['right']:.3f}, "
            f"bare found {band['bare_found']:.3f}, helmets told as bare {band['false_bare']:.3f}"
        )
    typer.echo(f"{out / report['file']}: sha256 {report['sha256']}")


def train_plates(
    data: Annotated[Path, typer.Option(help="Folder of `ioc sim plates`.")],
    out: ModelFolder,
    steps: Annotated[int, typer.Option(min=1, help="Batches of 64 views.")] = 9000,
    start: Annotated[
        Path | None, typer.Option(help="File of this command to begin with; to learn on.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train the reader of small plates on flat pictures of plates, seen as a camera sees them."""
    _need_torch("train-plates")
    from models.train.crop_report import write_plates
    from models.train.plates import train_plates as run

    report = run(data, out, steps, seed, lambda line: typer.echo(line, err=as_json), start)
    write_plates(report, out / "PLATES.md")
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    views = report["views"]
    typer.echo(
        f"characters {views['characters']:.3f}, whole plates {views['exact']:.3f}, sure "
        f"{views['sure']:.3f}, sure and wrong {views['sure_and_wrong']:.4f}"
    )
    typer.echo(f"{out / report['file']}: sha256 {report['sha256']}")


def _need_torch(command: str) -> None:
    """Told here, before anything else fails on it.

    Raises:
        ConfigError: PyTorch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigError(
            f"ioc models {command}: torch is not installed; pip install 'haugiang-ioc[train]'"
        ) from None

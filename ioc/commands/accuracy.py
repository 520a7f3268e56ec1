"""``ioc accuracy``: how right the system is, on real data against truth made by eye."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from measure.accuracy.counts import LineResult

HELP = "Accuracy on real data, against truth made by eye."
app = typer.Typer(help=HELP, no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the data; default: IOC_DATA_DIR, else shared/data beside this."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback()
def group() -> None:
    """Accuracy on real data, against truth made by eye."""


@app.command()
def tracking(data: Data = None, as_json: AsJson = False) -> None:
    """HOTA, MOTA and IDF1 on public detections, beside SORT and ByteTrack of ``trackers``."""
    from rich.console import Console
    from rich.table import Table

    from measure.accuracy.tracking import run
    from measure.figures import print_figures

    rows, figures = run(_folder(data), _progress)
    if not as_json:
        for sequence in rows[0].scores:
            table = Table("tracker", title=sequence, title_justify="left")
            for column in ("HOTA", "MOTA", "IDF1", "switches", "extra", "missed"):
                table.add_column(column, justify="right")
            for row in rows:
                one = row.scores[sequence]
                table.add_row(
                    row.tracker,
                    *(f"{value:.2f}" for value in (one.hota, one.mota, one.idf1)),
                    *(str(value) for value in (one.switches, one.extra, one.missed)),
                )
            Console(width=110).print(table)
    print_figures(figures, as_json=as_json)


@app.command()
def counts(
    data: Data = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name of a known model or path; again for more. Default: nano, 640."),
    ] = None,
    clip: Annotated[list[str] | None, typer.Option(help="Only this clip; again for more.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Inference threads; 0 is all cores.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Line crossings of each clip at its own rate, a half and a quarter of it."""
    from ioc.errors import ConfigError
    from measure.accuracy import counts as accuracy
    from measure.figures import print_figures

    folder = _folder(data)
    clips = tuple(clip or accuracy.CLIPS)
    if unknown := sorted(set(clips) - set(accuracy.CLIPS)):
        raise ConfigError(
            f"--clip {', '.join(unknown)}: no truth for it; known are {', '.join(accuracy.CLIPS)}"
        )
    models = model or [str(folder / "models" / "yolox_nano_640.onnx")]
    results = accuracy.run(folder, models, _progress, clips, threads)
    if not as_json:
        _show_counts(results)
    print_figures(accuracy.figures(results), as_json=as_json)


def _show_counts(results: list[LineResult]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=150)
    table = Table(title="Line crossings, vehicles", title_justify="left")
    for column in ("clip", "line", "model"):
        table.add_column(column)
    for column in ("fps", "counted", "true", "±", "error %", "GEH", "matched"):
        table.add_column(column, justify="right")
    for column in ("missed (frames)", "extra (frame)"):
        table.add_column(column)
    for one in results:
        table.add_row(
            *(one.clip, one.truth.id, Path(one.model).stem),
            f"{one.fps:.1f}",
            f"{one.counted}{'' if one.fits else ' !'}",
            *(str(one.truth.total), str(one.truth.tolerance)),
            f"{100 * one.off / max(one.truth.total, 1):+.1f}",
            f"{one.geh:.1f}",
            str(one.matched),
            ", ".join(f"{first}-{last}" for first, last in one.missed),
            ", ".join(f"{at:g}" for at in one.extra),
        )
    console.print(table)
    table = Table("clip", "line", "model", "true", "counted as", title_justify="left")
    table.title = "Classes at full rate; the least confusion that the sums by class allow"
    table.add_column("vehicles", justify="right")
    for one in results:
        if one.every == 1:
            for (true, counted), number in sorted(one.confusion.items()):
                table.add_row(
                    one.clip, one.truth.id, Path(one.model).stem, true, counted, str(number)
                )
    console.print(table)
    console.print("! outside the truth's own tolerance (±)", highlight=False)


def _folder(given: Path | None) -> Path:
    """The folder of the data.

    Raises:
        ConfigError: There is none.
    """
    from ioc.errors import ConfigError

    stated = os.environ.get("IOC_DATA_DIR")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = given or (Path(stated) if stated else beside)
    if not (folder / "groundtruth").is_dir():
        raise ConfigError(
            f"{folder}: no folder 'groundtruth' in it; name the folder of the data with --data or "
            "IOC_DATA_DIR"
        )
    return folder


def _progress(text: str) -> None:
    """Progress goes to standard error, so that --json prints one object and nothing else."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

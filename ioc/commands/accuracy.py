"""``ioc accuracy``: how right the system is, on real data and on simulated clips."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ioc.commands import accuracy_simulated as simulated
from ioc.commands.accuracy_simulated import AsJson, BoxesOf, Jobs, Keep, Place, Seconds, Seed, Seeds

if TYPE_CHECKING:
    from measure.accuracy import detection as detecting
    from measure.accuracy.counts import LineResult
    from measure.accuracy.plates import Report

HELP = "Accuracy on real data against truth made by eye, and on simulated clips (--seed)."
app = typer.Typer(help=HELP, no_args_is_help=True)
app.command("rules")(simulated.rules)
app.command("all")(simulated.everything)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the data; default: IOC_DATA_DIR, else shared/data beside this."
    ),
]


@app.callback()
def group() -> None:
    """Accuracy on real data against truth made by eye, and on simulated clips (--seed)."""


@app.command()
def tracking(
    data: Data = None,
    seed: Seed = None,
    seeds: Seeds = 1,
    seconds: Seconds = 60,
    place: Place = None,
    boxes: BoxesOf = "model",
    model: simulated.Model = None,
    jobs: Jobs = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """HOTA, MOTA and IDF1: on public detections beside other trackers, or on simulated clips."""
    if seed is not None:
        chosen = simulated.plan(seed, seeds, seconds, place, boxes, model, keep)
        simulated.tracking(chosen, jobs, as_json)
        return
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
    seed: Seed = None,
    seeds: Seeds = 1,
    seconds: Seconds = 60,
    place: Place = None,
    boxes: BoxesOf = "model",
    jobs: Jobs = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Line crossings of real clips at full, half and quarter rate, or of simulated ones."""
    from ioc.errors import ConfigError

    if seed is not None:
        if model and len(model) > 1:
            raise ConfigError("--model: simulated clips are counted with one model; give one")
        wanted = model[0] if model else None
        chosen = simulated.plan(seed, seeds, seconds, place, boxes, wanted, keep)
        simulated.counts(chosen, jobs, as_json)
        return
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


@app.command()
def plates(
    data: Data = None,
    threads: Annotated[int, typer.Option(min=1, help="Inference threads.")] = 1,
    seed: Seed = None,
    seeds: Seeds = 1,
    seconds: Seconds = 60,
    place: Place = None,
    model: simulated.Model = None,
    jobs: Jobs = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Plates of real photos, or of simulated clips: exact, wrong but told as sure, none."""
    if seed is not None:
        chosen = simulated.plan(seed, seeds, seconds, place, "model", model, keep, read_plates=True)
        simulated.plates(chosen, jobs, as_json)
        return
    from measure.accuracy import plates as accuracy
    from measure.figures import print_figures

    report = accuracy.run(_folder(data), _progress, threads)
    if not as_json:
        _show_plates(report)
    print_figures(accuracy.figures(report), as_json=as_json)


def _show_plates(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    from measure.accuracy.plates import CONFIDENT, confusion

    console = Console(width=130)
    table = Table(title=f"Plates of the photos; told from {CONFIDENT} on", title_justify="left")
    for column in ("photo", "slice", "true", "best", "confidence", "outcome"):
        table.add_column(column)
    for one in report.photos:
        best = one.reading.candidates[0] if one.reading else None
        table.add_row(
            *(one.truth.photo, one.truth.slice, one.truth.text),
            *((best.text, f"{best.probability:.3f}") if best else ("", "")),
            one.outcome,
        )
    console.print(table)
    for photo, text in report.strangers:
        console.print(f"{photo}: {text} is told as sure, but the truth has no such plate")
    for title, results in (("photos", report.photos), ("degraded", report.degraded)):
        counts = confusion(results)
        wrong = {pair: number for pair, number in counts.most_common() if pair[0] != pair[1]}
        listed = ", ".join(f"{a or '–'}→{b or '–'} {n}" for (a, b), n in wrong.items())
        total = sum(counts.values())
        console.print(
            f"characters of the {title}: {total - sum(wrong.values())} of {total} right; "
            f"true→best: {listed or 'none confused'}"
        )
    for one in report.degraded:
        if one.outcome == "wrong" and one.reading is not None:
            console.print(f"wrong but told: {one.case} {one.truth.text} as {one.reading.text}")


@app.command()
def detection(
    data: Data = None,
    model: Annotated[
        str | None, typer.Option(help="Name of a known model or path. Default: nano, 640.")
    ] = None,
    tiles: Annotated[str, typer.Option(help="Tiles beside the whole: columns x rows.")] = "2x1",
    overlap: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of a tile that its neighbour covers too.")
    ] = 0.2,
    score: Annotated[float, typer.Option(min=0.1, max=1, help="Surer boxes are counted.")] = 0.25,
    every: Annotated[int, typer.Option(min=1, help="Only every so many-th frame.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that share them.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="Inference threads; 0 is all cores.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Recall and precision on a real junction by day and night, whole frame and tiles, and cost."""
    from measure.accuracy import detection as accuracy
    from measure.figures import print_figures

    folder = _folder(data)
    report = accuracy.run(
        folder,
        model or str(folder / "models" / "yolox_nano_640.onnx"),
        _progress,
        layout=accuracy.Layout(*accuracy.parse_grid(tiles), overlap, score),
        every=every,
        jobs=jobs,
        threads=threads,
    )
    if not as_json:
        _show_detection(report)
    print_figures(accuracy.figures(report), as_json=as_json)


def _show_detection(report: detecting.Report) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=110)
    table = Table(title=f"Detection on {report.frames} frames", title_justify="left")
    for column in ("frames", "looks", "kind"):
        table.add_column(column)
    for column in ("drawn", "found", "right", "recall", "precision"):
        table.add_column(column, justify="right")
    for (part, way, kind), one in sorted(report.slices.items()):
        table.add_row(
            *(part, way, kind),
            *(str(number) for number in (one.drawn, one.found, one.right)),
            f"{one.right / max(one.drawn, 1):.3f}",
            f"{one.right / max(one.found, 1):.3f}",
        )
    console.print(table)
    table = Table("looks", "drawn", "found as", title="Classes; - is none", title_justify="left")
    table.add_column("boxes", justify="right")
    for (way, drawn, found), number in sorted(report.confusion.items()):
        table.add_row(way, drawn, found, str(number))
    console.print(table)


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

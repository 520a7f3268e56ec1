"""``ioc accuracy`` on simulated clips: options that its commands share, runs, tables."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from measure.accuracy.simulated.results import ClipResult, RulesReport
    from measure.accuracy.simulated.work import Plan
    from measure.figures import Figure

Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="First seed: measure on simulated clips instead."),
]
RulesSeed = Annotated[int, typer.Option("--seed", min=0, help="First seed of the clips.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, max=1000, help="How many seeds in a row.")]
Seconds = Annotated[
    float, typer.Option("--seconds", min=5, max=3600, help="Length of a simulated clip.")
]
Place = Annotated[
    list[str] | None,
    typer.Option("--place", help="Simulated place, such as vithanh; again for more. Default: all."),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, max=64, help="Clips at a time. Default: one for each core."),
]
Keep = Annotated[
    Path | None, typer.Option("--keep", help="Leave the rendered clips in this folder.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Known model or path; left out, our own, ioc-sim-v1-int8."),
]
BoxesOf = Annotated[
    Literal["model", "truth"],
    typer.Option("--boxes", help="Boxes of the detector, or the true ones in place of them."),
]
Lamps = Annotated[
    bool,
    typer.Option("--lamps", help="Read the signals off the lamps, not from the controller."),
]
Report = Annotated[
    Path | None, typer.Option("--report", help="Write a page with pictures to this folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def rules(
    seed: RulesSeed,
    seeds: Seeds = 1,
    seconds: Seconds = 60,
    place: Place = None,
    boxes: BoxesOf = "model",
    model: Model = None,
    lamps: Lamps = False,
    jobs: Jobs = None,
    report: Report = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Precision, recall and time of every rule on simulated clips, through the camera node."""
    from measure.figures import print_figures

    chosen = plan(
        seed, seeds, seconds, place, boxes, model, keep, lamps=lamps,
        pictures=report is not None, by_truth=boxes == "model",
    )  # fmt: skip
    _make_folder(report)
    print_figures(_rules(chosen, measured(chosen, jobs), report, as_json), as_json=as_json)


def everything(
    seed: RulesSeed,
    seeds: Seeds = 1,
    seconds: Seconds = 60,
    place: Place = None,
    model: Model = None,
    jobs: Jobs = None,
    report: Report = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Rules, tracking, plates and counts of the same simulated clips, rendered once."""
    from measure.figures import print_figures

    chosen = plan(
        seed, seeds, seconds, place, "model", model, keep,
        pictures=report is not None, by_truth=True, read_plates=True,
    )  # fmt: skip
    _make_folder(report)
    results = measured(chosen, jobs)
    figures = _rules(chosen, results, report, as_json)
    for part in (_tracking, _plates, _counts):
        figures += part(results, as_json)
    print_figures(figures, as_json=as_json)


def tracking(chosen: Plan, jobs: int | None, as_json: bool) -> None:
    """HOTA, MOTA and IDF1 on simulated clips."""
    from measure.figures import print_figures

    print_figures(_tracking(measured(chosen, jobs), as_json), as_json=as_json)


def counts(chosen: Plan, jobs: int | None, as_json: bool) -> None:
    """Line crossings on simulated clips."""
    from measure.figures import print_figures

    print_figures(_counts(measured(chosen, jobs), as_json), as_json=as_json)


def plates(chosen: Plan, jobs: int | None, as_json: bool) -> None:
    """Plates on simulated clips."""
    from measure.figures import print_figures

    print_figures(_plates(measured(chosen, jobs), as_json), as_json=as_json)


def _make_folder(report: Path | None) -> None:
    """Before the clips, not an hour later."""
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)


def _rules(
    chosen: Plan, results: list[ClipResult], report: Path | None, as_json: bool
) -> list[Figure]:
    from measure.accuracy.simulated.page import write_page
    from measure.accuracy.simulated.results import RulesReport

    made = RulesReport(results, chosen.boxes, _digest(chosen), chosen.seconds)
    if report is not None:
        now = datetime.now().astimezone().strftime("%d/%m/%Y %H:%M")
        path = write_page(report, made, "ioc " + shlex.join(sys.argv[1:]), now)
        _progress(f"report: {path}")
    if not as_json:
        _show_rules(made)
    return list(made.figures())


def _tracking(results: list[ClipResult], as_json: bool) -> list[Figure]:
    from measure.accuracy.simulated import tracking as accuracy

    rows = accuracy.run([one.judged.watched for one in results], _progress)
    if not as_json:
        table = _table("Tracking on simulated clips", "slice")
        for column in ("clips", "HOTA", "MOTA", "IDF1", "switches", "extra", "missed"):
            table.add_column(column, justify="right")
        for row in rows:
            one = row.scores
            table.add_row(
                row.part,
                str(row.clips),
                *(f"{value:.2f}" for value in (one.hota, one.mota, one.idf1)),
                *(str(value) for value in (one.switches, one.extra, one.missed)),
            )
        _print(table, accuracy.IGNORED)
    return list(accuracy.figures(rows))


def _counts(results: list[ClipResult], as_json: bool) -> list[Figure]:
    from measure.accuracy.simulated import counts as accuracy

    report = accuracy.run([one.judged.watched for one in results])
    if not as_json:
        table = _table("Line crossings on simulated clips", "what")
        for column in ("counted", "true", "error %", "GEH"):
            table.add_column(column, justify="right")
        for row in (*report.slices, *report.lines, *report.classes):
            table.add_row(
                row.name,
                str(row.counted),
                str(row.true),
                f"{100 * row.error:+.1f}",
                f"{row.geh:.2f}",
            )
        _print(table)
    return list(accuracy.figures(report))


def _plates(results: list[ClipResult], as_json: bool) -> list[Figure]:
    from measure.accuracy.simulated import plates as accuracy

    cases = [case for one in results for case in one.plates]
    if not as_json:
        table = _table(f"Plates of {accuracy.LEAST_PX:g} px and more that are not exact", "true")
        for column in ("height px", "looks", "told", "best", "outcome"):
            table.add_column(column, justify="right")
        for case in cases:
            if case.outcome != "exact":
                table.add_row(
                    case.truth.text,
                    f"{case.truth.height_px:.0f}",
                    str(case.looks),
                    case.told or "",
                    case.best or "",
                    case.outcome,
                )
        pairs = accuracy.confusion(cases)
        wrong = {pair: n for pair, n in pairs.most_common() if pair[0] != pair[1]}
        listed = ", ".join(f"{a or '–'}→{b or '–'} {n}" for (a, b), n in wrong.items())
        total = sum(pairs.values())
        right = total - sum(wrong.values())
        _print(table, f"characters: {right} of {total} right; true→best: {listed or 'all right'}")
    return list(accuracy.figures(cases))


def plan(
    seed: int,
    seeds: int,
    seconds: float,
    place: list[str] | None,
    boxes: Literal["model", "truth"],
    model: str | None,
    keep: Path | None,
    *,
    lamps: bool = False,
    pictures: bool = False,
    by_truth: bool = False,
    read_plates: bool = False,
) -> Plan:
    """What to measure, from the options.

    Raises:
        ConfigError: Options do not go together.
    """
    from measure.accuracy.simulated.work import Plan
    from models.registry import OWN_DETECTOR

    if boxes == "truth" and (model is not None or keep is not None or lamps):
        raise ConfigError(
            "--boxes truth renders nothing and asks no model; leave --model, --keep and --lamps out"
        )
    return Plan(
        seeds=tuple(range(seed, seed + seeds)),
        seconds=seconds,
        boxes=boxes,
        model="" if boxes == "truth" else model or OWN_DETECTOR,
        places=tuple(dict.fromkeys(place or ())),
        lamps=lamps,
        plates=read_plates,
        pictures=pictures,
        by_truth=by_truth,
        keep=keep,
    )


def measured(chosen: Plan, jobs: int | None) -> list[ClipResult]:
    """All clips, measured."""
    from measure.accuracy.simulated.work import run

    return run(chosen, jobs or os.cpu_count() or 1, _progress)


def _digest(chosen: Plan) -> tuple[str, str]:
    if chosen.boxes == "truth":
        return "", ""
    from models.registry import resolve

    model = resolve(chosen.model)
    return model.name, model.sha256


def _show_rules(report: RulesReport) -> None:
    from measure.accuracy.simulated.scores import ALL, Share

    def share(one: Share) -> str:
        return f"{one.value:.3f} [{one.low:.3f} … {one.high:.3f}]" if one.of_ else "–"

    title = "Rules on simulated clips" + (", true boxes" if report.boxes == "truth" else "")
    table = _table(title, "rule")
    table.add_column("slice")
    for column in ("acts", "precision", "recall", "F1", "off p50/p95, frames", "false/h"):
        table.add_column(column, justify="right")
    for (rule, part), tally in report.scores.items():
        off = [tally.error(percent) for percent in (50, 95)]
        table.add_row(
            rule if part == ALL else "",
            part,
            f"{tally.acts} (+{tally.doubtful})" if tally.doubtful else str(tally.acts),
            share(tally.precision),
            share(tally.recall),
            f"{tally.f1.value:.3f}" if tally.f1.of_ else "–",
            " / ".join("–" if one is None else f"{one * report.rate:.2f}" for one in off),
            f"{tally.false_per_hour[0]:.1f}",
        )
    _print(table, "(+n): acts so near to a threshold that they count neither way")
    if report.causes:
        table = _table("What went wrong", "rule")
        for column in ("kind", "cause"):
            table.add_column(column)
        table.add_column("times", justify="right")
        for (rule, kind, cause), number in sorted(report.causes.items()):
            table.add_row(rule, kind, cause, str(number))
        _print(table)


def _table(title: str, first: str) -> Table:
    from rich.table import Table

    return Table(first, title=title, title_justify="left")


def _print(table: Table, note: str = "") -> None:
    from rich.console import Console

    console = Console(width=150)
    console.print(table)
    if note:
        console.print(note, highlight=False)


def _progress(text: str) -> None:
    """Progress goes to standard error, so that --json prints one object and nothing else."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

"""``ioc edge``: the device side."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ioc.commands import edge_setup

if TYPE_CHECKING:
    from edge.publisher import Publisher
    from edge.upload import Uploader
    from ioc.settings import Settings
    from vision.summary import Progress, Summary

app = typer.Typer(help="Edge node: run it, check its site file.", no_args_is_help=True)
app.command("calibrate")(edge_setup.calibrate)
app.command("draw")(edge_setup.draw)

SiteFile = Annotated[Path, typer.Argument(metavar="SITE.yaml", help="Site file.")]
CameraIds = Annotated[
    list[str] | None, typer.Option(help="Camera; again for more. Left out, all of the site.")
]
SourceUri = Annotated[
    str | None,
    typer.Option(help="Video file or address instead of the camera's own (the first camera's)."),
]


@app.command("run")
def run(
    site_file: SiteFile,
    camera: CameraIds = None,
    source: SourceUri = None,
    model: Annotated[
        str | None,
        typer.Option(help="Known model or path of an ONNX file; left out, vision.model."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the events to this file, JSONL.")] = None,
    publish: Annotated[bool, typer.Option(help="Send the events to the broker.")] = True,
    evidence: Annotated[bool, typer.Option(help="Record violations.")] = True,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda, tensorrt or openvino; again for what it may fall back to."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=0, help="Inference threads; 0 is all cores.")
    ] = None,
    signals: Annotated[
        Path | None,
        typer.Option(help="Recorded events of the signal controllers, JSONL, for a video file."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Event time of a file's first frame, such as 2026-11-22T08:00:00+07:00; left "
            "out, now, or with --no-publish the file's own time, so that two runs agree."
        ),
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Play a file no faster than it was recorded.")
    ] = False,
    receipts_s: Annotated[
        float, typer.Option(min=0, help="Longest wait for the receipts at the end, seconds.")
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as one JSON object.")] = False,
) -> None:
    """Run the cameras of a site: count, watch the rules, record, send the events.

    SIGHUP reads the site file again; SIGTERM ends after the current frames.
    """
    from ioc.service import begin
    from ioc.settings import load_settings
    from vision.assembly import RunOptions, assembled

    settings = load_settings()
    options = RunOptions(
        site_file=site_file,
        cameras=_wanted_cameras(site_file, camera or [], source),
        source=source,
        model=model,
        providers=tuple(provider or ()),
        threads=threads,
        out=out,
        publish=publish,
        evidence=evidence,
        signals=signals,
        start=None if start is None else _instant(start),
        real_time=real_time,
    )
    begin("edge", settings.telemetry)
    with assembled(options, settings) as made:
        with _shown() as show:
            summary = made.node.run(show)
        _print_summary(summary, as_json)
        settled = _settle(made.publishers, receipts_s, settings)
        _upload(made.uploaders, receipts_s)
    if summary.failed:
        typer.echo(f"ioc: {summary.failed} events could not be stored; see the log", err=True)
    if summary.failed or not settled:
        raise typer.Exit(1)


def _wanted_cameras(site_file: Path, cameras: list[str], source: str | None) -> tuple[str, ...]:
    """The cameras to run: with a source of one's own only one, the first if none is named."""
    from ioc.errors import ConfigError
    from ioc.site import load_site

    if source is None:
        return tuple(cameras)
    if len(cameras) > 1:
        raise ConfigError("--source fits one camera; give --camera once")
    return tuple(cameras) or (load_site(site_file).camera(None).id,)


def _instant(text: str) -> datetime:
    from ioc.errors import ConfigError

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise ConfigError(f"--start {text}: give date, time and zone, as 2026-11-22T08:00:00+07:00")
    return at.astimezone(UTC)


@app.command("check")
def check(
    site_file: SiteFile,
    camera: CameraIds = None,
    source: SourceUri = None,
    wait_s: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for a live camera's first frame, seconds.")
    ] = 8,
) -> None:
    """Check a site file against its schema, its geometry, and a frame of each source.

    Exit code 0 when all is well, 1 when a camera gives no picture, 2 when the file is wrong.
    """
    from ioc.errors import ConfigError
    from vision.probe import probe
    from vision.setup import open_cameras, warnings_of

    wanted = _wanted_cameras(site_file, camera or [], source)
    site, cameras = open_cameras(site_file, wanted)
    silent = 0
    for chosen in cameras:
        size: tuple[int, int] | None = None
        try:
            seen = probe(
                source or chosen.source, site_file.parent if source is None else None, wait_s
            )
            size, state = (seen.width, seen.height), str(seen)
        except ConfigError as error:
            if source is not None:
                raise
            state = f"source not looked at ({error})"
            silent += chosen.source.startswith(("rtsp", "http", "/dev/")) or chosen.source.isdigit()
        typer.echo(
            f"{chosen.id}: {len(chosen.lanes)} lanes, {len(chosen.lines)} lines, "
            f"{len(chosen.rules)} rules; {state}"
        )
        for warning in warnings_of(chosen, *(size or (None, None))):
            typer.echo(f"{site_file}: cameras.{chosen.id}.{warning}", err=True)
    if silent:
        typer.echo(f"{site_file}: valid, but {silent} cameras give no picture", err=True)
        raise typer.Exit(1)
    typer.echo(f"{site_file}: valid, {len(site.devices)} devices")


def _settle(publishers: Mapping[str, Publisher], timeout_s: float, settings: Settings) -> bool:
    """Wait for the receipts of all cameras; say so, and say what is left."""
    waiting = sum(publisher.stats().depth for publisher in publishers.values())
    if waiting:
        typer.echo(f"waiting up to {timeout_s:g} s for {waiting} receipts …", err=True)
    end = time.monotonic() + timeout_s
    for publisher in publishers.values():
        publisher.flush(max(0.0, end - time.monotonic()))
    stats = [publisher.stats() for publisher in publishers.values()]
    left = sum(each.depth for each in stats)
    if not left:
        return True
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    connected = all(each.connected for each in stats)
    link = f"broker {broker} is connected" if connected else f"no connection to {broker}"
    typer.echo(
        f"ioc: {left} events have no receipt after {timeout_s:g} s ({link}); they stay in "
        f"{settings.edge.spool_dir} and are sent at the next start",
        err=True,
    )
    return False


def _upload(uploaders: Sequence[Uploader], timeout_s: float) -> None:
    """Wait for evidence on its way; what is left goes at the next start."""
    end = time.monotonic() + timeout_s
    left = [each for each in uploaders if not each.drain(max(0.0, end - time.monotonic()))]
    if left:
        typer.echo(
            f"ioc: evidence of {len(left)} cameras is not uploaded after {timeout_s:g} s; it is "
            "kept and sent at the next start",
            err=True,
        )


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None] | None]:
    """A line that moves on a terminal, a log line every ten seconds elsewhere."""
    if not sys.stderr.isatty():
        yield _logged()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.completed:.0f}/{task.total} frames"),
        BarColumn(),
        TextColumn("{task.fields[fps]:.1f} fps  {task.fields[events]} events"),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("frames", total=None, fps=0.0, events=0)

        def show(at: Progress) -> None:
            bar.update(
                task, completed=at.frame, total=at.frames or None, fps=at.fps, events=at.events
            )

        yield show


def _logged(every_s: float = 10.0) -> Callable[[Progress], None]:
    from ioc.telemetry import logger

    log = logger("vision.node")
    last = time.monotonic()

    def show(at: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            log.info(
                "progress", frame=at.frame, of=at.frames, fps=round(at.fps, 1), events=at.events
            )

    return show


def _print_summary(summary: Summary, as_json: bool) -> None:
    lines: dict[str, Counter[str]] = {line: Counter() for line in summary.lane_of}
    for (line, vehicle), count in summary.crossings.items():
        lines[line][vehicle] += count
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "frames": summary.frames,
                    "fps": round(summary.fps, 3),
                    "lines": {line: dict(counts) for line, counts in lines.items()},
                    "events": dict(summary.events),
                    "failed": summary.failed,
                }
            )
        )
        return
    from rich.console import Console
    from rich.table import Table

    classes = sorted({vehicle for counts in lines.values() for vehicle in counts})
    table = Table("line", "lane", *classes, "all", title="Line crossings", title_justify="left")
    for line, counts in lines.items():
        cells = [str(counts[vehicle]) for vehicle in classes]
        table.add_row(line, summary.lane_of[line] or "-", *cells, str(counts.total()))
    console = Console()
    if lines:
        console.print(table)
    minted = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.events.items()))
    console.print(
        f"{summary.frames} frames in {summary.seconds:.1f} s ({summary.fps:.1f} fps); "
        f"events: {minted or 'none'}",
        highlight=False,
    )

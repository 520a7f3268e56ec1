"""``ioc edge``: the device side."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edge.publisher import Publisher
    from ioc.settings import Settings
    from ioc.topics import DevicePath
    from vision.node import Progress, Summary

app = typer.Typer(help="Edge node: run it, check its site file.", no_args_is_help=True)

SiteFile = Annotated[Path, typer.Argument(metavar="SITE.yaml", help="Site file.")]
CameraId = Annotated[str | None, typer.Option(help="Camera; the first when left out.")]
SourceUri = Annotated[str | None, typer.Option(help="Video file instead of the camera's source.")]


@app.command("run")
def run(
    site_file: SiteFile,
    camera: CameraId = None,
    source: SourceUri = None,
    model: Annotated[
        str, typer.Option(help="Name of a known model, or path of an ONNX file.")
    ] = "yolox-nano-640",
    out: Annotated[Path | None, typer.Option(help="Write the events to this file, JSONL.")] = None,
    publish: Annotated[bool, typer.Option(help="Send the events to the broker.")] = True,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda, tensorrt or openvino; again for what it may fall back to."),
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Inference threads; 0 is all cores.")] = 0,
    receipts_s: Annotated[
        float, typer.Option(min=0, help="Longest wait for the receipts at the end, seconds.")
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as one JSON object.")] = False,
) -> None:
    """Run one camera: read its source, count, watch its rules, send the events."""
    from ioc.service import begin
    from ioc.settings import load_settings
    from models.registry import resolve
    from vision.detect.session import DetectorSettings
    from vision.node import Node, open_camera, source_path, warnings_of
    from vision.outlet import EventFile, Outlet
    from vision.source.file import FileSource

    settings = load_settings()
    log = begin("edge", settings.telemetry)
    site, chosen = open_camera(site_file, camera)
    found = resolve(model)
    path = site.path(chosen.id)
    detector = DetectorSettings(providers=tuple(provider or ("cpu",)), threads=threads)
    with FileSource(source_path(site_file, chosen, source)) as video:
        for warning in warnings_of(chosen, video.width, video.height):
            log.warning(warning, file=str(site_file), camera=chosen.id)
        publisher = _publisher(path, settings) if publish else None
        try:
            file = None if out is None else EventFile(out)
            outlet = Outlet(path, file, publisher)
            try:
                node = Node(chosen, video, found, outlet, publisher, detector)
                with _shown() as show:
                    summary = node.run(show)
            finally:
                if file is not None:
                    file.close()
            _print_summary(summary, as_json)
            settled = publisher is None or _settle(publisher, receipts_s, settings)
        finally:
            if publisher is not None:
                publisher.stop()
    if summary.failed:
        typer.echo(f"ioc: {summary.failed} events could not be stored; see the log", err=True)
    if summary.failed or not settled:
        raise typer.Exit(1)


@app.command("check")
def check(site_file: SiteFile, camera: CameraId = None, source: SourceUri = None) -> None:
    """Check a site file against its schema, its geometry, and a frame of each source."""
    from ioc.errors import ConfigError
    from ioc.site import load_site
    from vision.node import open_camera, source_path, warnings_of
    from vision.source.file import FileSource

    site = load_site(site_file)
    wanted = [camera] if camera is not None else [each.id for each in site.cameras]
    if source is not None and len(wanted) != 1:
        raise ConfigError(f"{site_file}: --source fits one camera; say which with --camera")
    for camera_id in wanted:
        _site, chosen = open_camera(site_file, camera_id)
        size: tuple[int, int] | None = None
        state = ""
        try:
            with FileSource(source_path(site_file, chosen, source)) as video:
                size = (video.width, video.height)
                state = f"{video.width}x{video.height}, {video.fps:.2f} fps, {video.frames} frames"
        except ConfigError as error:
            if source is not None:
                raise
            state = f"source not looked at ({error})"
        typer.echo(
            f"{chosen.id}: {len(chosen.lanes)} lanes, {len(chosen.lines)} lines, "
            f"{len(chosen.rules)} rules; {state}"
        )
        for warning in warnings_of(chosen, *(size or (None, None))):
            typer.echo(f"{site_file}: cameras.{chosen.id}.{warning}", err=True)
    typer.echo(f"{site_file}: valid, {len(site.devices)} devices")


def _publisher(path: DevicePath, settings: Settings) -> Publisher:
    from prometheus_client import REGISTRY

    from edge.metrics import PublisherMetrics
    from edge.publisher import Publisher

    publisher = Publisher(path, settings.mqtt, settings.edge)
    publisher.start()
    REGISTRY.register(PublisherMetrics({path.device: publisher.stats}))
    return publisher


def _settle(publisher: Publisher, timeout_s: float, settings: Settings) -> bool:
    """Wait for the receipts; say so, and say what is left."""
    waiting = publisher.stats().depth
    if waiting:
        typer.echo(f"waiting up to {timeout_s:g} s for {waiting} receipts …", err=True)
    if publisher.flush(timeout_s):
        return True
    stats = publisher.stats()
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    link = f"broker {broker} is connected" if stats.connected else f"no connection to {broker}"
    typer.echo(
        f"ioc: {stats.depth} events have no receipt after {timeout_s:g} s ({link}); they stay in "
        f"{settings.edge.spool_dir} and are sent at the next start",
        err=True,
    )
    return False


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

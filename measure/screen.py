"""What ``ioc demo`` shows while it runs: a live table, or a line every five seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ioc.topics import DevicePath
from measure.camera_node import Look
from measure.demo import Moment
from measure.services import Metrics
from simulator.devices.fleet import VirtualDevice

KINDS = {"camera": "camera", "signal": "đèn tín hiệu", "sensor": "cảm biến"}
LINE_EVERY_S = 5.0
WIDE = 100
"""Columns of a terminal from which on kinds and pictures a second are shown too."""


@contextmanager
def step(console: Console, name: str) -> Iterator[None]:
    """Show that a step is under way, and how long it took."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(f"{name} …"):
            yield
    else:
        yield
    console.print(f"  {name:<36} {time.monotonic() - began:5.1f} s")


class Screen:
    """Shows a running demo.

    Args:
        console: Where to.
        devices: What is listed.
        cut_off: The device whose network is cut for a while.
        seconds: Length of the demo.
    """

    def __init__(
        self,
        console: Console,
        devices: Sequence[VirtualDevice],
        cut_off: DevicePath,
        seconds: float,
    ) -> None:
        self._console = console
        self._devices = devices
        self._cut_off = cut_off
        self._seconds = seconds
        self._live: Live | None = None
        self._line_at = 0.0

    def __enter__(self) -> Callable[[Moment], None]:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self.show

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, moment: Moment) -> None:
        """Show how things stand."""
        if self._live is not None:
            self._live.update(self._table(moment), refresh=True)
        elif time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_EVERY_S
            minted = sum(device.minted.count for device in self._devices)
            minted += sum(node.minted for node in moment.nodes)
            self._console.print(
                f"{moment.second:4.0f} s  minted {minted:>6,}  {_summary(moment)}"
                + ("  (one camera is cut off)" if moment.cut else ""),
                soft_wrap=True,
            )

    def _table(self, moment: Moment) -> RenderableType:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
        table.title = (
            f"Trung tâm IOC Vị Thanh · Ngã Bảy   {moment.second:3.0f} / {self._seconds:.0f} s"
        )
        table.add_column("thiết bị / device", no_wrap=True)
        wide = self._console.width >= WIDE
        if wide:
            table.add_column("loại / kind", no_wrap=True)
        for name in ("đã tạo\nminted", "đã xác nhận\nreceipted", "đang chờ\nin spool"):
            table.add_column(name, justify="right")
        table.add_column("mạng / link", no_wrap=True)
        if wide:
            table.add_column("hình/s\nfps", justify="right")
        for node in moment.nodes:
            lost = node.camera == self._cut_off and moment.cut
            table.add_row(
                Text(node.camera.key, "bold"),
                *([KINDS["camera"]] if wide else []),
                f"{node.minted:,}",
                f"{node.receipted:,}",
                _depth(node.depth),
                Text("■ hết hình / ended", "dim") if node.ended else _link(lost, node.connected),
                *([_fps(node)] if wide else []),
            )
        for device in self._devices:
            stats = device.publisher.stats()
            lost = device.path == self._cut_off and moment.cut
            kind = [KINDS.get(device.kind, device.kind)] if wide else []
            table.add_row(
                device.path.key,
                *kind,
                f"{device.minted.count:,}",
                f"{stats.receipted:,}",
                _depth(stats.depth),
                _link(lost, stats.connected),
            )
        return Group(table, Text(_summary(moment)))


def _link(lost: bool, connected: bool) -> Text:
    if lost:
        return Text("✕ mất / cut off", "bold red")
    return Text("● nối / up", "dim") if connected else Text("… đang nối / wait", "yellow")


def _depth(depth: int) -> Text:
    return Text(f"{depth:,}", "yellow" if depth > 20 else "")


def _fps(node: Look) -> Text:
    """Pictures a second; yellow where the node does not keep up with its camera."""
    if node.ended:
        return Text("-", "dim")
    return Text(f"{node.fps:.1f}", "" if node.fps > 0.9 * node.wanted_fps else "yellow")


def _summary(moment: Moment) -> str:
    return f"{_cameras(moment.nodes)}  {_ingest(moment.ingest)}  {_streams(moment.streams)}"


def _cameras(nodes: Sequence[Look]) -> str:
    rates = " + ".join("ended" if node.ended else f"{node.fps:.1f}" for node in nodes)
    flagged = sum(node.violations for node in nodes)
    return f"cameras: {rates or 'none'} fps, {flagged} violations"


def _ingest(metrics: Metrics | None) -> str:
    if metrics is None:
        return "bridge: no answer"
    return (
        f"bridge: {metrics.total('ioc_ingest_received_total'):,.0f} in, "
        f"{metrics.total('ioc_ingest_set_aside_total'):,.0f} set aside"
    )


def _streams(metrics: Metrics | None) -> str:
    if metrics is None:
        return "worker: no answer"
    kinds = metrics.by("ioc_alert_changes_total", "kind")
    alerts = ", ".join(f"{kind} {count:.0f}" for kind, count in sorted(kinds.items()) if count)
    return (
        f"worker: {metrics.total('ioc_sink_stored_total'):,.0f} rows, "
        f"{metrics.total('ioc_sink_duplicates_total'):,.0f} duplicates absorbed  "
        f"alerts: {alerts or 'none'}"
    )

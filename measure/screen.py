"""What ``ioc demo`` shows: a live table in a terminal, a line every five seconds elsewhere."""

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
from measure.demo import Moment
from measure.ledger import Ledger
from measure.services import Metrics
from simulator.devices import VirtualDevice

KINDS = {"camera": "camera", "signal": "đèn tín hiệu", "sensor": "cảm biến"}
LINE_EVERY_S = 5.0
WIDE = 100
"""Columns of a terminal from which on the kind of a device is shown too."""


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
        for device in self._devices:
            stats = device.publisher.stats()
            lost = device.path == self._cut_off and moment.cut
            link = Text("✕ mất / cut off", "bold red") if lost else Text("● nối / up", "dim")
            if not stats.connected and not lost:
                link = Text("… đang nối / wait", "yellow")
            kind = [KINDS.get(device.kind, device.kind)] if wide else []
            table.add_row(
                device.path.key,
                *kind,
                f"{device.minted.count:,}",
                f"{stats.receipted:,}",
                Text(f"{stats.depth:,}", "yellow" if stats.depth > 20 else ""),
                link,
            )
        return Group(table, Text(_summary(moment)))


def _summary(moment: Moment) -> str:
    return f"{_ingest(moment.ingest)}  {_streams(moment.streams)}"


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


def print_ledger(console: Console, ledger: Ledger, waiting: int, streams: Metrics | None) -> None:
    """Print the account at the end of a run."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    duplicates = streams.total("ioc_sink_duplicates_total") if streams else 0.0
    table.add_row("đã tạo / minted", f"{ledger.good:,}", "valid events of all devices")
    table.add_row("đã lưu / stored", f"{ledger.stored:,}", "of them in the database")
    table.add_row("trùng / duplicates absorbed", f"{duplicates:,.0f}", "came again, stored once")
    table.add_row("hỏng / bad input sent", f"{ledger.bad:,}", "broken on purpose")
    aside = sum(ledger.set_aside.values())
    table.add_row("để riêng / set aside", f"{aside:,}", "kept with their bytes, by reason:")
    for reason, count in sorted(ledger.set_aside.items()):
        table.add_row(f"    {reason}", f"{count:,}", "")
    table.add_row("chờ trong bộ đệm / still in spools", f"{waiting:,}", "")
    table.add_row("hai lần / stored twice", f"{ledger.doubled:,}", "")
    table.add_row("xử sai / misjudged", f"{len(ledger.misjudged):,}", "good set aside, bad stored")
    table.add_row(
        Text("mất / lost", "bold"),
        Text(f"{len(ledger.lost):,}", "bold green" if not ledger.lost else "bold red"),
        "",
    )
    console.print("\nSổ cái / ledger")
    console.print(table)
    if ledger.rows:
        rows = ", ".join(f"{name} {count:,}" for name, count in ledger.rows.items() if count)
        console.print(f"rows by table: {rows}", style="dim", soft_wrap=True)

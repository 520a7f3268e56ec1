"""A camera node of the demo: ``ioc edge run`` on a clip, as a process of its own."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edge.spool_file import spool_file
from ioc.decode import ContractError, decode
from ioc.errors import ConfigError
from ioc.events import NumberedEvent, StatusEvent, ViolationEvent, type_of
from ioc.topics import DevicePath
from measure import services
from measure.footage import Footage
from simulator.devices.fleet import Minted

RATE_OVER_S: Final = 5.0
"""Frames a second are told over so long."""

WINDOW_S: Final = 4.0
"""Recording before and after an act. Half of what a node in the street keeps together: decoding
and storing the pictures of a longer one takes the two cores that the demo may have."""

FINISH_S: Final = 180.0
"""After SIGTERM a node makes the evidence under way and waits for its receipts: so long at most."""

RECEIPTS_S: Final = 40.0


@dataclass(frozen=True, slots=True)
class Look:
    """How a node is now.

    Attributes:
        camera: Its camera.
        minted: Events so far.
        violations: Of these, violations.
        receipted: Events that the core has committed.
        depth: Events in its spool.
        connected: Whether it has the broker.
        frames: Pictures done.
        fps: Pictures a second, over the last few.
        wanted_fps: What the camera gives.
        ended: Whether the process is gone.
    """

    camera: DevicePath
    minted: int
    violations: int
    receipted: int
    depth: int
    connected: bool
    frames: int
    fps: float
    wanted_fps: float
    ended: bool


class CameraNode:
    """One node.

    Args:
        footage: What it sees.
        folder: Where log, events, spool, evidence and keys go.
        env: The ``IOC_*`` variables of its broker.
        start: When the clip's first frame is taken.
        model: Its detector.

    Attributes:
        footage: What it sees.
        minted: Every event that it numbered, as far as ``look`` or ``end`` have read.
    """

    def __init__(
        self, footage: Footage, folder: Path, env: Mapping[str, str], start: datetime, model: str
    ) -> None:
        camera = footage.camera
        name = f"node-{camera.city}-{camera.device}"
        self.footage = footage
        self.minted = Minted()
        self._folder = folder
        self._events = folder / f"{name}.events.jsonl"
        signals = None
        if footage.controller is not None:
            signals = folder / f"{name}.signals.jsonl"
            footage.write_signals(signals, start)
        self._log_from = 0
        self._service = services.node(
            folder,
            {**env, **node_env(folder)},
            name,
            footage.site_file,
            camera=camera.device,
            start=start,
            events=self._events,
            signals=signals,
            model=model,
            receipts_s=RECEIPTS_S,
            stop_timeout_s=FINISH_S,
        )
        self._read = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=64)
        self._last: services.Metrics | None = None

    @property
    def log(self) -> Path:
        """What it says."""
        return self._service.log

    def start(self) -> None:
        """Start it; it is ready when its model is warm and the broker is there.

        Raises:
            ServerError: It ended, or was not ready in time.
        """
        if self.log.exists():
            self._log_from = self.log.stat().st_size
        self._service.start()

    def look(self) -> Look:
        """How it is now."""
        ended = not self._service.running
        metrics = None if ended else services.scrape(self._service.port)
        self._last = metrics or self._last
        self._read_events()
        last = self._last
        frames = 0 if last is None else int(last.total("ioc_vision_frames_total"))
        now = time.monotonic()
        self._recent.append((now, frames))
        while len(self._recent) > 2 and now - self._recent[0][0] > RATE_OVER_S:
            self._recent.popleft()
        since, first = self._recent[0]
        span = now - since
        return Look(
            camera=self.footage.camera,
            minted=self.minted.count,
            violations=self.minted.kinds.get(type_of(ViolationEvent), 0),
            receipted=0 if last is None else int(last.total("ioc_edge_receipted_total")),
            depth=0 if last is None else int(last.total("ioc_edge_depth")),
            connected=metrics is not None and metrics.total("ioc_edge_connected") > 0,
            frames=frames,
            fps=(frames - first) / span if span > 0 and not ended else 0.0,
            wanted_fps=self.footage.truth.rate,
            ended=ended,
        )

    def end(self) -> None:
        """Ask it to finish, wait until it has, and read the rest of what it minted."""
        self._service.stop()
        self._read_events()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self._service.kill()

    def played_s(self) -> float | None:
        """How much of the clip it took in, seconds; None when it ended without saying."""
        summary = summary_in(self.log, self._log_from)
        return None if summary is None else summary["frames"] / self.footage.truth.rate

    def failed(self) -> int:
        """Events that it could not store."""
        summary = summary_in(self.log, self._log_from)
        return 0 if summary is None else int(summary["failed"])

    def last_words(self) -> list[str]:
        """The end of its log."""
        return self._service.log_tail(12)

    def waiting(self) -> int:
        """Events without a receipt, in the spool that it left."""
        return waiting_in(spool_file(self._folder / "spool", self.footage.camera))

    def _read_events(self) -> None:
        """Take in the whole lines that were added to its file of events."""
        try:
            with self._events.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self.minted.note(_numbered(line, self._events))


def node_env(folder: Path) -> dict[str, str]:
    """The settings of the demo's nodes."""
    return {
        "IOC_EDGE__SPOOL_DIR": str(folder / "spool"),
        "IOC_EDGE__RESEND_AFTER_S": "10",
        "IOC_EDGE__RECONNECT_MAX_S": "2",
        "IOC_EVIDENCE__DIR": str(folder / "evidence"),
        "IOC_EVIDENCE__KEYS_DIR": str(folder / "keys"),
        "IOC_EVIDENCE__PRE_S": f"{WINDOW_S:g}",
        "IOC_EVIDENCE__POST_S": f"{WINDOW_S:g}",
        # The reviewers' copy takes 8 to 13 s of a core each: with one for every violation two
        # nodes would fall behind their cameras.
        "IOC_EVIDENCE__PROXY": "false",
        "IOC_VISION__THREADS": "1",
    }


def summary_in(log: Path, start: int = 0) -> dict[str, float] | None:
    """The summary that ``ioc edge run --json`` printed, among the lines of its log.

    Args:
        log: The log.
        start: Byte from which on it is this run's.
    """
    try:
        with log.open("rb") as file:
            file.seek(start)
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        if line.startswith(b'{"frames"'):
            try:
                found: dict[str, float] = json.loads(line)
            except ValueError:
                return None
            return found
    return None


def waiting_in(spool: Path) -> int:
    """Events in the spool of a process that has ended."""
    if not spool.is_file():
        return 0
    with closing(sqlite3.connect(f"{spool.as_uri()}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(count)


def _numbered(line: bytes, path: Path) -> NumberedEvent:
    try:
        event = decode(line)
    except ContractError as error:
        raise ConfigError(f"{path}: {error}; the node writes what no reader takes") from None
    if isinstance(event, StatusEvent):
        raise ConfigError(f"{path}: a status among the numbered events")
    return event

"""Violations that wait for their evidence, on disk, so that a kill in these seconds loses none.

One small file each, gone when its event is in the spool. A kill between the two sends the
violation twice; it then stands in the queue of the reviewers as one case of one vehicle, while a
lost one would stand nowhere.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from ioc.errors import ConfigError
from ioc.events import ViolationData
from ioc.telemetry import logger

SUFFIX: Final = ".open.json"
MOST_BYTES: Final = 65_536


class OpenViolation(Struct, frozen=True, kw_only=True):
    """A violation that was flagged and not yet sent.

    Attributes:
        time: Event time, UTC.
        data: What was flagged, without evidence.
    """

    time: datetime
    data: ViolationData


class Journal:
    """The open violations of one camera. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it.

        Raises:
            ConfigError: It cannot be written.
        """
        self._folder = folder
        self._next = 0
        self._log = logger("vision.journal")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for litter in folder.glob("*.part"):
                litter.unlink()
        except OSError as error:
            raise ConfigError(
                f"{folder}: {error.strerror}; evidence.dir must be a folder that can be written"
            ) from None

    def left_over(self) -> list[tuple[Path, OpenViolation]]:
        """What an earlier run flagged and did not send, oldest first; unreadable ones are told."""
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                raw = path.read_bytes()[:MOST_BYTES]
                found.append((path, msgspec.json.decode(raw, type=OpenViolation)))
            except (OSError, msgspec.MsgspecError) as error:
                self._log.error("open violation unreadable", file=str(path), error=str(error))
                path.replace(path.with_suffix(".unreadable"))
        return found

    def open(self, data: ViolationData, time: datetime) -> Path | None:
        """Write a violation down; None when the disk refuses, which is told."""
        path = self._folder / f"{time:%Y%m%dT%H%M%S%f}-{os.getpid()}-{self._next:06}{SUFFIX}"
        self._next += 1
        draft = path.with_suffix(".part")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(OpenViolation(time=time, data=data)))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            self._log.error("violation not written down", error=str(error))
            return None
        return path

    def close(self, path: Path | None) -> None:
        """The violation has been sent."""
        if path is not None:
            path.unlink(missing_ok=True)

"""The source that a camera's ``source`` in the site file names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ioc.errors import ConfigError
from vision.source.address import live_address
from vision.source.encoded import Tap
from vision.source.file import FileSource
from vision.source.live import LiveSettings, LiveSource


def is_live(source: str) -> bool:
    """Whether a source is a camera rather than a file.

    Raises:
        ConfigError: It is of a kind that cannot be read.
    """
    return live_address(source, 1.0) is not None


def file_of(source: str, folder: Path) -> Path:
    """The file that a source names, beside the site file when it is not absolute."""
    return folder / source.removeprefix("file://")


def open_source(
    source: str,
    folder: Path | None = None,
    tap: Tap | None = None,
    anchor: datetime | None = None,
    settings: LiveSettings | None = None,
    wake: Callable[[], None] | None = None,
) -> FileSource | LiveSource:
    """Open what a camera's ``source`` names: by its beginning, a camera or a file.

    Args:
        source: As the site file gives it.
        folder: Where a file's relative path begins; the working directory when left out.
        tap: Receives the encoded stream.
        anchor: Wall time of a file's first frame; left out, the run's beginning.
        settings: How patient a live source is.
        wake: Called after every new picture of a live source.

    Raises:
        ConfigError: It is of a kind that cannot be read, or a file that is no video.
    """
    if not source.strip():
        raise ConfigError("the camera's source is empty")
    if is_live(source):
        return LiveSource(source, tap, settings, wake)
    return FileSource(file_of(source, folder or Path()), tap=tap, anchor=anchor)

"""A look at a source: does it give a picture, and of what size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ioc.errors import ConfigError
from vision.source.file import FileSource
from vision.source.live import LiveSource
from vision.source.open import file_of, is_live


@dataclass(frozen=True, slots=True)
class Probed:
    """What was seen.

    Attributes:
        width: Columns of the picture.
        height: Rows of it.
        codec: FFmpeg's name of the codec, empty when unknown.
        fps: Rate that a file states, 0 for a live source.
        frames: Frames that a file states, 0 for a live source.
    """

    width: int
    height: int
    codec: str
    fps: float
    frames: int

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}"
        if self.frames:
            return f"{size}, {self.fps:.2f} fps, {self.frames} frames"
        return f"{size}, live{', ' + self.codec if self.codec else ''}"


def probe(source: str, folder: Path | None, wait_s: float) -> Probed:
    """Look at one frame of a source.

    Args:
        source: As the site file or the command line gives it.
        folder: Where a file's relative path begins; the working directory when left out.
        wait_s: Longest wait for a live source, seconds.

    Raises:
        ConfigError: It is of a kind that cannot be read, or gives no picture.
    """
    if not is_live(source):
        with FileSource(file_of(source, folder or Path())) as video:
            return Probed(video.width, video.height, "", video.fps, video.frames)
    with LiveSource(source) as camera:
        frame = camera.latest(wait_s)
        stats = camera.stats()
        if frame is None:
            why = stats.error or f"{camera.address}: no picture"
            raise ConfigError(f"{why} (waited {wait_s:g} s)")
        codec = "" if stats.stream is None else stats.stream.codec
        return Probed(frame.picture.width, frame.picture.height, codec, 0.0, 0)

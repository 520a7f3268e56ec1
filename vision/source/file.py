"""Frames of a video file: every one counts, none is dropped to keep up."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np

from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from vision.source.frame import Frame
from vision.source.picture import Picture

# FFmpeg and OpenCV print their own complaints, without the file's name; ours says it once, in full.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

AHEAD_S: Final = 240.0
"""Ingest sets events aside that lie over five minutes ahead; a file stays a minute inside that."""

MISSING_SHARE: Final = 0.02
"""Containers state their length from the rate, which may be a frame or two out."""


class FileSource:
    """A video file.

    The first frame is anchored at the instant the run begins, so that event time is that instant
    plus the frame's own time. Of a file longer than four minutes the anchor lies so much earlier
    that no event is more than four minutes ahead of the clock, however fast the file is read.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open a file and look at its first frame.

        Raises:
            ConfigError: There is no such file, or it is not a video that can be decoded.
        """
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "no such file"
            raise ConfigError(f"{path}: {what}; --source (or the camera's source) must be a video")
        self.path = path
        self.unusable = 0
        self._monotonic = monotonic
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        opened, first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not opened or first is None:
            self._capture.release()
            raise ConfigError(f"{path}: not a video that can be decoded; check or copy it again")
        self._first = first
        self.height, self.width = first.shape[:2]
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if math.isfinite(rate) and 0.1 <= rate <= 1000 else 25.0
        self.frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        duration = self.frames / self.fps
        self.anchor: datetime = clock() - timedelta(seconds=max(0.0, duration - AHEAD_S))

    def __iter__(self) -> Iterator[Frame]:
        """Every frame once.

        Raises:
            ConfigError: The file ended long before the length that it states.
        """
        image, start_s, last_s, index = self._first, self._position_s(), 0.0, 0
        while True:
            pts_s = self._position_s() - start_s
            # Some containers carry no or falling times; the stated rate is then the only clock.
            if index and not last_s < pts_s < last_s + 3600:
                pts_s = last_s + 1 / self.fps
            last_s = pts_s
            picture = np.asarray(image, dtype=np.uint8)
            if picture.shape == (self.height, self.width, 3):
                wall = self.anchor + timedelta(seconds=pts_s)
                yield Frame(Picture(bgr=picture), index, pts_s, wall, self._monotonic())
            else:
                self.unusable += 1
            index += 1
            decoded, image = self._capture.read()
            if not decoded:
                break
        if index < self.frames * (1 - MISSING_SHARE) - 2:
            raise ConfigError(
                f"{self.path}: ended at frame {index} of {self.frames}; it is cut off or damaged, "
                "copy it again (the events up to there are kept)"
            )

    def close(self) -> None:
        """Let the file go."""
        self._capture.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _position_s(self) -> float:
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return position if math.isfinite(position) else 0.0

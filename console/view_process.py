"""The process that makes viewing copies, one at a time, for as long as its console lives.

Files come from devices, and decoders are where such files do harm: a crash, a picture that fills
the memory or a clip that never ends takes this process with it and not the console.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from console.views import View
from ioc.children import end_with

NICE: Final = 10
MOST_MEMORY: Final = 4 * 2**30
MOST_PIXELS: Final = 2**26
"""8192 by 8192; a 4K picture has 2^23."""

LIMIT_S: Final = 300.0
"""Longest that one copy may take: a 12 s clip of 1080p takes 10 s of a slow core."""


class KilledError(Exception):
    """The process ended, or was ended because it took too long."""


class ViewProcess:
    """Makes copies on demand; the process starts with the first one. Of one thread at a time."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def make(self, view: View, source: Path, target: Path) -> str | None:
        """Make a copy; blocks until it is there.

        Returns:
            None when it is there, else why the original cannot be read.

        Raises:
            KilledError: The process was killed, by us or by what it read.
        """
        pipe = self._pipe or self._start()
        try:
            pipe.send((view, source, target))
            if not pipe.poll(self._limit_s):
                self.kill()
                raise KilledError(f"took longer than {self._limit_s:.0f} s")
            answer = pipe.recv()
        except (EOFError, OSError):
            self.kill()
            raise KilledError("the process that decodes it ended") from None
        assert answer is None or isinstance(answer, str)
        return answer

    def kill(self) -> None:
        """End the process, whatever it does. Safe from another thread than that of ``make``."""
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is not None:
            process.kill()
            process.join(5)
        if pipe is not None:
            pipe.close()

    def _start(self) -> Connection:
        # Spawned, not forked: a fork would copy locks of the console's threads as they stand.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, os.getpid()), name="views", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours
        return ours


def _work(pipe: Connection, parent: int) -> None:
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    # Before OpenCV is loaded, which reads it once: nothing that this module imports may load it.
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MOST_PIXELS)
    import cv2

    from console.view_making import UnreadableError, make

    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    while True:
        try:
            view, source, target = pipe.recv()
        except EOFError:
            return
        try:
            make(view, source, target)
        except UnreadableError as error:
            pipe.send(str(error) or "unreadable")
        except MemoryError:
            pipe.send("too large")
        except Exception as error:  # the disk, or a fault of ours: this copy alone is lost
            pipe.send(f"{type(error).__name__}: {error}"[:200])
        else:
            pipe.send(None)

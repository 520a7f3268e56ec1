"""A virtual camera's live picture on standard output: the child's side of a ``sim://`` source.

The parent reads NUT from a pipe. NUT, not Matroska: its muxer sends each picture when it has it,
while Matroska's holds back a cluster (1.3 s at 10 pictures a second, measured). VP8, not VP9:
a 1080p picture takes 45 ms of one core against 90 ms, and a picture is due every 80 ms.

A live camera does not hurry: a picture that comes late moves the ones after it, so that nobody
gets a burst. Where the scene can be moved on without a picture (``Skips``), late pictures are
left out instead, as a camera drops frames; the stamps then stay true to the world's time.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import BinaryIO, Final, Protocol, runtime_checkable

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ioc.errors import ConfigError
from ioc.local_process import tie_to_parent

Image = NDArray[np.uint8]
"""(rows, columns, 3), BGR."""

FORMAT: Final = "nut"
CODEC: Final = "libvpx"
KEYFRAME_S: Final = 2.0
"""As network cameras do; evidence begins at a keyframe."""
BITS_PER_PIXEL: Final = 0.16
"""4 Mbit/s at 1080p and 12.5 pictures a second: what a street camera is set to."""
LATE_S: Final = 0.5
"""Less than this behind, the stream catches up; jitter of the machine, not a slow renderer."""
SAY_S: Final = 30.0
"""A stream that is late says so this often."""


@runtime_checkable
class Skips(Protocol):
    """Pictures that can be left out."""

    def skip(self, frames: int) -> None:
        """Move the scene on by so many pictures without rendering them."""
        ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was sent.

    Attributes:
        frames: Pictures sent.
        skipped: Pictures left out because they would have come late.
        late_s: Time by which the stream fell behind and did not catch up, seconds.
    """

    frames: int
    skipped: int
    late_s: float


class Pace:
    """When the next picture is due. Pure: times are handed in.

    Args:
        rate: Pictures a second.
        now_s: Monotonic time of the first.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self.step_s = 1 / rate
        self.late_s = 0.0
        self._due_s = now_s

    def wait_s(self, now_s: float) -> float:
        """How long the picture that is ready has to wait, seconds."""
        return max(0.0, self._due_s - now_s)

    def sent(self, now_s: float) -> int:
        """Note that it was sent.

        Returns:
            How many pictures are late by now: they are to be skipped, or ``slip`` moves them.
        """
        self._due_s += self.step_s
        behind_s = now_s - self._due_s
        return int(behind_s / self.step_s) if behind_s > LATE_S else 0

    def skipped(self, frames: int) -> None:
        """So many pictures were left out."""
        self._due_s += frames * self.step_s

    def slip(self, frames: int) -> None:
        """So many pictures' time is given up: those that follow come later."""
        self._due_s += frames * self.step_s
        self.late_s += frames * self.step_s


def write_stream(
    out: BinaryIO,
    rate: float,
    frames: Iterator[Image],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] | None = None,
) -> Streamed:
    """Send pictures at their pace until they end or the reader is gone.

    Args:
        out: Where to; unbuffered, so that each picture leaves at once.
        rate: Pictures a second of the world's time.
        frames: BGR, all of one even size; may be ``Skips``, too.
        monotonic: The clock of the pace, seconds.
        sleep: Waits, seconds.
        say: Told in words when the stream is late.

    Raises:
        ValueError: The rate is not positive, or a picture has an odd or another size.
    """
    if not rate > 0:
        raise ValueError(f"rate {rate}: give pictures a second, above 0")
    first = next(frames, None)
    if first is None:
        return Streamed(0, 0, 0.0)
    steps = Fraction(rate).limit_denominator(1000)
    skips = frames if isinstance(frames, Skips) else None
    index = sent = left_out = 0
    pace, said_s = Pace(rate, monotonic()), float("-inf")
    pipe = _Pipe(out)
    with av.open(pipe, "w", format=FORMAT) as container:
        stream = _add_stream(container, steps, first)
        for image in chain((first,), frames):
            if pipe.broken:
                break
            sleep(pace.wait_s(monotonic()))
            container.mux(stream.encode(_frame(image, first.shape, index, 1 / steps)))
            sent, index = sent + 1, index + 1
            late = pace.sent(monotonic())
            if not late:
                continue
            if skips is not None:
                skips.skip(late)
                pace.skipped(late)
                index, left_out = index + late, left_out + late
            else:
                pace.slip(late)
            if say is not None and monotonic() - said_s > SAY_S:
                said_s = monotonic()
                what = f"{left_out} pictures left out" if skips else f"{pace.late_s:.1f} s late"
                say(f"this machine renders less than {rate:g} pictures a second: {what}")
    return Streamed(sent, left_out, pace.late_s)


class _Pipe:
    """Writes all of what it is given; PyAV takes it for a file.

    A reader that has left is no error, and must be none for PyAV either, which writes once more
    when it closes.
    """

    def __init__(self, out: BinaryIO) -> None:
        self.broken = False
        self._out = out

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        try:
            while left and not self.broken:
                left = left[self._out.write(left) :]
        except BrokenPipeError:
            self.broken = True
        return len(data)


def _add_stream(
    container: av.container.OutputContainer, rate: Fraction, first: Image
) -> VideoStream:
    rows, columns = first.shape[:2]
    stream = container.add_stream(CODEC, rate=rate)
    stream.width, stream.height, stream.pix_fmt = columns, rows, "yuv420p"
    stream.bit_rate = round(BITS_PER_PIXEL * rows * columns * rate)
    stream.gop_size = max(1, round(KEYFRAME_S * rate))
    stream.codec_context.thread_count = 1
    stream.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return stream


def _frame(image: Image, shape: tuple[int, ...], index: int, step: Fraction) -> av.VideoFrame:
    if image.shape != shape or image.dtype != np.uint8:
        raise ValueError(f"picture {index} is {image.dtype} {image.shape}; the first was {shape}")
    if image.ndim != 3 or image.shape[2] != 3 or image.shape[0] % 2 or image.shape[1] % 2:
        raise ValueError(f"picture {index} is {image.shape}; rows and columns must be even, BGR")
    planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    frame = av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format="yuv420p")
    frame.pts, frame.time_base = index, step
    return frame


def claim_stdout() -> BinaryIO:
    """Standard output for the stream alone; what others print there goes to standard error.

    SUMO prints from C++, so it is the descriptor that changes hands, not ``sys.stdout``.

    Raises:
        ConfigError: Standard output is a terminal.
    """
    if os.isatty(1):
        raise ConfigError("the stream is binary; send it on, such as: ioc sim stream … | ffplay -")
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb", buffering=0)


def end_with_parent() -> None:
    """End this process when the one that started it is gone, also after ``kill -9``.

    Twice, for each way has a hole. The kernel kills us when the thread that forked us ends
    (prctl(2), Linux only, and a parent that died before this call is not seen). The parent holds
    the other end of our standard input: its end is the parent's end, anywhere and at any time,
    but the thread that waits for it can be held up by a library that does not let go of Python.
    """
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        return  # started by hand
    tie_to_parent(signal.SIGKILL, os.getppid())()
    threading.Thread(target=_await_parent, name="parent", daemon=True).start()


def _await_parent() -> None:
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while True:
        poll.poll()
        if not os.read(0, 4096):
            os._exit(0)


def run_stream(opened: Callable[[], tuple[float, Iterator[Image]]]) -> Streamed:
    """Be the child of a ``sim://`` source until the parent leaves.

    Args:
        opened: Gives the rate and the pictures; called once all is set up, for it may take long.

    Raises:
        ConfigError: Standard output is a terminal, or what ``opened`` says.
    """
    out = claim_stdout()
    end_with_parent()
    rate, frames = opened()
    return write_stream(out, rate, frames, say=_say)


def _say(text: str) -> None:
    """To the parent, which logs a line with this beginning as a warning."""
    print(f"warning: {text}", file=sys.stderr, flush=True)

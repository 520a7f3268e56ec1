"""Makes one viewing copy: a file in, a file out. Runs in the worker process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from console.softening import Image, box_at, cell_of, clear_part, shrunk, soften
from console.views import View

STILL_WIDTH: Final = 1600
STILL_QUALITY: Final = 90
VIDEO_WIDTH: Final = 960
VIDEO_FPS: Final = 12.5
VIDEO_QUALITY: Final = 36
"""Constant quality of VP9, 0 (best) to 63: that of the node's own proxies."""

CODEC: Final = "libvpx-vp9"
TICKS: Final = 1000
EARLY_US: Final = 5_000
"""A picture a little early is as good: 25 a second halved are 12.5, in rounded times too."""

SNIFF: Final = {
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "video/mp4": (4, b"ftyp"),
    "video/webm": (0, b"\x1a\x45\xdf\xa3"),
}


class UnreadableError(Exception):
    """A file is not what it is said to be; the message says how."""


def make(view: View, source: Path, target: Path) -> None:
    """Make a viewing copy.

    Args:
        view: Which.
        source: The original, its digest checked.
        target: Where the copy goes.

    Raises:
        UnreadableError: The original cannot be decoded.
    """
    try:
        if view.kind == "copy":
            _copy(view, source, target)
        elif view.kind == "still":
            target.write_bytes(_still(view, source.read_bytes()))
        else:
            _video(view, source, target)
    except (av.error.FFmpegError, cv2.error, IndexError, ValueError) as error:
        raise UnreadableError(" ".join(str(error).split())[:200]) from None


def _copy(view: View, source: Path, target: Path) -> None:
    """As it is, when it is what browsers are told that it is."""
    at, mark = SNIFF[view.media_type]
    data = source.read_bytes()
    if data[at : at + len(mark)] != mark:
        raise UnreadableError(f"no {view.media_type}")
    target.write_bytes(data)


def _still(view: View, data: bytes) -> bytes:
    # No rotation by a tag: boxes are pixels of the picture as it is stored.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if decoded is None:
        raise UnreadableError("no picture")
    image = shrunk(np.asarray(decoded, np.uint8), STILL_WIDTH)
    shown = _softened(view, image, view.offset_us)
    done, coded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, STILL_QUALITY])
    assert done
    return coded.tobytes()


def _softened(view: View, image: Image, offset_us: int | None) -> Image:
    rows, columns = image.shape[:2]
    box = None if offset_us is None else box_at(view.boxes, offset_us)
    clear = clear_part(box, (columns, rows), view.size)
    return soften(image, cell_of(columns, clear, view.vehicle), clear)


def chosen(times_us: Sequence[int], start_us: int, end_us: int) -> list[int]:
    """Which pictures of a recording its copy shows: so many a second, and that of the act.

    Args:
        times_us: Time of every picture after the act.
        start_us: Where the copy begins.
        end_us: Where it ends.
    """
    inside = [n for n, us in enumerate(times_us) if start_us <= us <= end_us + 1]
    act = min(inside, key=lambda n: abs(times_us[n]), default=None)
    kept: list[int] = []
    for n in inside:
        step = times_us[n] - times_us[kept[-1]] if kept else None
        if step is None or n == act or step >= 1e6 / VIDEO_FPS - EARLY_US:
            kept.append(n)
    return kept


def _video(view: View, source: Path, target: Path) -> None:
    with av.open(str(source), "r") as container:
        pictures = _pictures(container, view)
        first = next(pictures, None)
        if first is None:
            raise UnreadableError("no picture can be decoded")
        width = max(2, min(VIDEO_WIDTH, first[1].width) // 2 * 2)
        height = max(2, round(first[1].height * width / first[1].width / 2) * 2)
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(target), "w", format="mp4", options=options) as out:
            stream = _stream(out, width, height)
            for at_us, frame, offset_us in itertools.chain((first,), pictures):
                small = frame.reformat(width=width, height=height, format="bgr24").to_ndarray()
                shown = _softened(view, np.asarray(small, np.uint8), offset_us)
                picture = av.VideoFrame.from_ndarray(shown, format="bgr24")
                picture.pts = round((at_us - first[0]) * TICKS / 1e6)
                picture.time_base = Fraction(1, TICKS)
                out.mux(stream.encode(picture))
            out.mux(stream.encode(None))


def _pictures(container: InputContainer, view: View) -> Iterator[tuple[int, Any, int | None]]:
    """The pictures that are shown: their times, and those after the act where they are known."""
    if view.pictures_us:
        wanted = set(chosen(view.pictures_us, view.start_us, view.end_us))
        for n, (_, frame) in enumerate(_decoded(container)):
            if n in wanted:
                yield view.pictures_us[n], frame, view.pictures_us[n]
        return
    last: int | None = None
    for at_us, frame in _decoded(container):
        if last is None or at_us - last >= 1e6 / VIDEO_FPS - EARLY_US:
            last = at_us
            yield at_us, frame, None


def _decoded(container: InputContainer) -> Iterator[tuple[int, Any]]:
    """All pictures that can be decoded, as the node numbers them, with their times in the file."""
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    base = stream.time_base or Fraction(1, 90_000)
    for packet in container.demux(stream):
        try:
            frames: list[Any] = list(packet.decode())
        except av.error.FFmpegError:
            continue
        for frame in frames:
            if frame.pts is not None:
                yield int(frame.pts * base * 1_000_000), frame


def _stream(out: OutputContainer, width: int, height: int) -> VideoStream:
    options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "threads": "1",
        "row-mt": "0",
        "crf": str(VIDEO_QUALITY),
        "b": "0",
        "g": str(round(VIDEO_FPS * 4)),
        "flags": "+bitexact",
    }
    rate = Fraction(VIDEO_FPS).limit_denominator(1000)
    stream = out.add_stream(CODEC, rate=rate, options=options)
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, TICKS)
    return stream

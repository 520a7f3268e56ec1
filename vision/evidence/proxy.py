"""The proxy: what a reviewer sees first, with other people's faces and plates hidden.

Derived from the clip, which stays as the camera made it. Small, at most 12.5 pictures a second,
with a caption below the picture. VP9 in MP4: no patent or GPL encoder is touched, and browsers
play it. One thread and FFmpeg's ``bitexact`` make the same bytes on every run.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol, cast

import av
import av.error
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ioc.events import ViolationData
from vision.boxes import FrameBoxes
from vision.detect.detections import FloatArray
from vision.evidence.clip import Clip, ClipError
from vision.evidence.hide import Boxes, Paths, grown, heads, hide, paths, plates, riders_of
from vision.evidence.overlay import Band, Moment, caption_of, mark_act, mark_vehicle
from vision.evidence.request import Extra
from vision.evidence.stills import TimedBox
from vision.source.picture import Image

CODEC: Final = "libvpx-vp9"
TICKS: Final = 1000
"""Ticks of a second in the file: times are kept to the millisecond."""
LEAST_WIDTH: Final = 640
"""A narrower picture is scaled up to this: a caption below it could not be read."""
ACT_SHOWN_S: Final = 0.5
"""The caption says so long that this is the act; the picture of the act itself is framed."""
TRAIL_S: Final = 3.0
NEAR_S: Final = 0.02
"""A box belongs to a picture of the same time; times of containers are rounded."""

FACE_MARGIN: Final = 0.2
"""Share of a face's box that is hidden round it: hair and chin tell who it is too."""
CARRIED_GROWTH: Final = 0.8
"""A face between two searches is hidden so much wider for each second since the nearest: a
walker's moves by half its width in a third of one."""
CLOSE_UP: Final = 192
"""Pixels to which the upper part of the violator is enlarged to find a face: the net is made for
faces of ten pixels and more, and a rider's is five on a wide view."""

FACE_OF_VEHICLE: Final = 0.35
"""Widest face for one of the violator's width: a rider's is a quarter; a wider one is a wheel."""


class Finder(Protocol):
    """Finds faces: ``FaceFinder``."""

    def find(self, picture: Image, large: float = ...) -> FloatArray:
        """Faces in a BGR picture: left, top, right, bottom, float32 [N, 4].

        Those wider than ``large`` of its width count only when they are certain.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What a proxy may cost.

    Attributes:
        width: Most columns of the picture.
        fps: Most pictures a second.
        face_every_s: Time between two searches for faces, seconds; in between they are carried
            along with their vehicles. The knob of the cost: a search is most of it.
        quality: Constant quality of VP9, 0 (best) to 63.
    """

    width: int = 960
    fps: float = 12.5
    face_every_s: float = 0.4
    quality: int = 36


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """What the proxy shows.

    Attributes:
        violation: What was flagged.
        act_s: The act in the source's clock, seconds.
        place: Where the camera stands, as people read it.
        wall_of: Instant of the source's clock → with a time zone.
        boxes: All vehicles, frame by frame, in pixels of the source.
        plates: Where plates of other vehicles were found.
        private: Areas that nobody may see, such as windows: corners as shares of the picture's
            width and height.
    """

    violation: ViolationData
    act_s: float
    place: str
    wall_of: Callable[[float], datetime]
    boxes: Sequence[FrameBoxes] = ()
    plates: Sequence[TimedBox] = ()
    private: Sequence[Sequence[tuple[float, float]]] = ()


def make_proxy(
    clip: Clip,
    request: ProxyRequest,
    faces: Finder,
    settings: ProxySettings | None = None,
) -> Extra:
    """Make the proxy of a clip. The same input gives the same bytes.

    Args:
        clip: The recording.
        request: What it shows.
        faces: Finds faces; several proxies may share one.
        settings: What it may cost.

    Raises:
        ClipError: No picture of the clip can be decoded, or the encoder is missing.
    """
    settings = settings or ProxySettings()
    times = chosen_times(clip, request.act_s, settings.fps)
    try:
        data = _Proxy(clip, request, faces, settings, times).data()
    except av.error.FFmpegError as error:
        raise ClipError(f"no proxy can be made: {error}") from None
    return Extra("proxy", data, "video/mp4", ".mp4")


def chosen_times(clip: Clip, act_s: float, fps: float) -> NDArray[np.float64]:
    """Times of the pictures that a proxy shows: so many a second, and the act for certain.

    Pictures before the time that was asked for, which the clip has because decoding begins at a
    keyframe, are left out: nobody looked at who is in them.
    """
    times = np.asarray(clip.times_s, np.float64)
    inside = times[(times >= clip.start_s - 1e-6) & (times <= clip.end_s + 1e-6)]
    times = inside if len(inside) else times
    act = int(np.argmin(np.abs(times - act_s)))
    kept: list[float] = []
    for place, at in enumerate(times.tolist()):
        # A picture a little early is as good: 25 a second halved are 12.5, in rounded times too.
        if place == act or not kept or at - kept[-1] >= 1 / fps - 0.005:
            kept.append(at)
    return np.asarray(kept)


class _Proxy:
    def __init__(
        self,
        clip: Clip,
        request: ProxyRequest,
        faces: Finder,
        settings: ProxySettings,
        times: NDArray[np.float64],
    ) -> None:
        self._clip = clip
        self._request = request
        self._finder = faces
        self._settings = settings
        self._times = times
        self._act = int(np.argmin(np.abs(times - request.act_s)))
        width, height = clip.stream.width, clip.stream.height
        wide = max(LEAST_WIDTH, min(settings.width, width))
        self._width = wide // 2 * 2
        self._height = max(2, round(height * self._width / width / 2) * 2)
        self._scale = np.array([self._width / width, self._height / height] * 2)
        known = paths(request.boxes, times.tolist())
        self._paths = Paths(known.id, known.class_id, known.xyxy * self._scale, known.there)
        own = np.flatnonzero(known.id == request.violation.track)
        self._own = int(own[0]) if len(own) else None
        self._frames = {boxes.pts_s: boxes.frame for boxes in request.boxes}
        self._frame_times = np.array(sorted(self._frames))
        self._found: list[tuple[int, Boxes]] = []
        self._private = self._areas(request.private)

    def data(self) -> bytes:
        """The file."""
        band = Band(caption_of(self._request.violation, self._request.place), self._width)
        shown = 0
        with tempfile.TemporaryDirectory(prefix="ioc-proxy-") as folder:
            path = Path(folder) / "proxy.mp4"
            # The index goes to the front ("faststart"), which FFmpeg does in a file of its own.
            options = {"movflags": "+faststart", "fflags": "+bitexact"}
            with av.open(str(path), "w", format="mp4", options=options) as out:
                stream = self._stream(out, self._height + band.height)
                for place, image in self._hidden():
                    whole = np.vstack((self._drawn(place, image), band.draw(self._moment(place))))
                    frame = av.VideoFrame.from_ndarray(whole, format="bgr24")
                    frame.pts = round((self._times[place] - self._times[0]) * TICKS)
                    frame.time_base = Fraction(1, TICKS)
                    out.mux(stream.encode(frame))
                    shown += 1
                if shown:
                    out.mux(stream.encode(None))
            if not shown:
                raise ClipError("no picture of the clip can be decoded")
            return path.read_bytes()

    def _stream(self, out: OutputContainer, height: int) -> VideoStream:
        options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "threads": "1",  # more would make other bytes, and take the detector's cores
            "row-mt": "0",
            "crf": str(self._settings.quality),
            "b": "0",
            "g": str(max(1, round(self._settings.fps * 4))),
            "flags": "+bitexact",
        }
        rate = Fraction(self._settings.fps).limit_denominator(1000)
        stream = out.add_stream(CODEC, rate=rate, options=options)
        stream.width, stream.height = self._width, height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        return stream

    def _pictures(self) -> Iterator[tuple[int, Any]]:
        """Each chosen picture as it is decoded, with its place."""
        wanted = 0
        with av.open(io.BytesIO(self._clip.data), "r") as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            base = stream.time_base or Fraction(1, TICKS)
            for packet in container.demux(stream):
                try:
                    decoded = list(packet.decode())
                except av.error.FFmpegError:
                    continue
                for frame in decoded:
                    if frame.pts is None:
                        continue
                    at = self._clip.origin_s + float(frame.pts * base)
                    while wanted < len(self._times) and self._times[wanted] < at - NEAR_S / 2:
                        wanted += 1  # that one could not be decoded
                    if wanted == len(self._times):
                        return
                    if abs(self._times[wanted] - at) <= NEAR_S / 2:
                        yield wanted, frame
                        wanted += 1

    def _hidden(self) -> Iterator[tuple[int, Image]]:
        """Each picture, scaled, with what must not be seen hidden.

        Pictures wait for the next search for faces, so that those between two know of both: half
        a second of them at most.
        """
        waiting: list[tuple[int, Image]] = []
        searched_s = float("-inf")
        for place, frame in self._pictures():
            image = self._scaled(frame)
            waiting.append((place, image))
            now_s = float(self._times[place])
            last = place == len(self._times) - 1
            if now_s - searched_s < self._settings.face_every_s - 1e-6 and not last:
                continue
            searched_s = now_s
            self._found = [*self._found[-1:], (place, self._faces(place, image, frame))]
            for ready, picture in waiting:
                yield ready, self._hide(ready, picture)
            waiting = []
        for ready, picture in waiting:
            yield ready, self._hide(ready, picture)

    def _scaled(self, frame: Any) -> Image:
        small = frame.reformat(width=self._width, height=self._height, format="bgr24")
        return cast("Image", np.ascontiguousarray(small.to_ndarray()))

    def _faces(self, place: int, image: Image, frame: Any) -> Boxes:
        """Faces in a picture, and once more in a close-up of the violator."""
        found = [self._finder.find(image).astype(np.float64).reshape(-1, 4)]
        if self._own is not None and self._paths.there[place, self._own]:
            left, top, right, bottom = self._paths.xyxy[place, self._own] / self._scale
            width, height = right - left, bottom - top
            whole = frame.to_ndarray(format="bgr24")
            rows, columns = whole.shape[:2]
            x0, x1 = max(0, int(left - 0.2 * width)), min(columns, int(right + 0.2 * width))
            y0, y1 = max(0, int(top - 0.6 * height)), min(rows, int(top + 0.6 * height))
            if x1 - x0 >= 8 and y1 - y0 >= 8:
                zoom = max(1.0, CLOSE_UP / min(x1 - x0, y1 - y0))
                part = cv2.resize(
                    whole[y0:y1, x0:x1], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC
                )
                near = self._finder.find(np.asarray(part, np.uint8), 1.0).astype(np.float64)
                near = near.reshape(-1, 4) / zoom
                near = near[near[:, 2] - near[:, 0] <= FACE_OF_VEHICLE * (x1 - x0)]
                found.append((near + np.array([x0, y0, x0, y0])) * self._scale)
        return np.concatenate(found)

    def _carried(self, place: int) -> Boxes:
        """Faces of the searches before and after a picture, moved along with their vehicles."""
        carried = [np.empty((0, 4))]
        for searched, faces in self._found:
            apart_s = abs(float(self._times[searched] - self._times[place]))
            if not len(faces) or apart_s > 2 * self._settings.face_every_s:
                continue
            moved = faces + self._drift(faces, searched, place)
            carried.append(grown(moved, FACE_MARGIN + CARRIED_GROWTH * apart_s))
        return np.concatenate(carried)

    def _drift(self, faces: Boxes, start: int, end: int) -> Boxes:
        """How far each face's vehicle moved between two pictures, [N, 4]; 0 without a vehicle."""
        both = np.flatnonzero(self._paths.there[start] & self._paths.there[end])
        if start == end or not len(both):
            return np.zeros_like(faces)
        then, now = self._paths.xyxy[start, both], self._paths.xyxy[end, both]
        centre = (faces[:, :2] + faces[:, 2:]) / 2
        rise = 0.6 * (then[:, 3] - then[:, 1])  # a rider may sit above the motorbike's box
        low = np.stack([then[:, 0], then[:, 1] - rise], axis=1)
        inside = ((centre[:, None] >= low) & (centre[:, None] <= then[:, 2:])).all(axis=2)
        area = (then[:, 2] - then[:, 0]) * (then[:, 3] - then[:, 1])
        nearest = np.where(inside, area, np.inf).argmin(axis=1)
        step = (now - then)[nearest]
        step = (step[:, :2] + step[:, 2:]) / 2
        return np.tile(np.where(inside.any(axis=1)[:, None], step, 0.0), 2)

    def _areas(self, polygons: Sequence[Sequence[tuple[float, float]]]) -> NDArray[np.bool_] | None:
        """Which pixels are private, bool [rows, columns]; None when none are."""
        mask = np.zeros((self._height, self._width), np.uint8)
        size = np.array([self._width, self._height])
        corners = [np.round(np.array(one) * size).astype(np.int32) for one in polygons]
        cv2.fillPoly(mask, corners, 1)
        return mask.astype(np.bool_) if mask.any() else None

    def _hide(self, place: int, image: Image) -> Image:
        there = np.flatnonzero(self._paths.there[place])
        box, kind = self._paths.xyxy[place, there], self._paths.class_id[there]
        own = np.flatnonzero(there == self._own) if self._own is not None else there[:0]
        others = there != self._own
        heedless = np.zeros(len(there), np.bool_)
        clear = None
        if len(own):
            heedless = riders_of(box, kind, int(own[0]))
            left, top, right, bottom = np.clip(box[own[0]], 0, None).astype(int).tolist()
            clear = np.s_[top : bottom + 1, left : right + 1]
        shown = image.copy()
        time_s = float(self._times[place])
        seen = [
            [p.left, p.top, p.right, p.bottom]
            for p in self._request.plates
            if abs(p.time_s - time_s) <= self._settings.face_every_s
        ]
        hide(shown, grown(np.reshape(np.array(seen, np.float64), (-1, 4)) * self._scale, 0.3))
        hide(shown, plates(box[others], kind[others]))
        if clear is not None:  # another's plate may lie behind the vehicle that is shown
            shown[clear] = image[clear]
        hide(shown, heads(box[others & ~heedless], kind[others & ~heedless]))
        hide(shown, self._carried(place))
        if self._private is not None:
            rows, columns = np.nonzero(self._private)
            around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            blurred = shown.copy()
            hide(blurred, np.array([around], np.float64))
            shown[self._private] = blurred[self._private]
        return shown

    def _drawn(self, place: int, image: Image) -> Image:
        if self._own is not None and self._paths.there[place, self._own]:
            since = self._times >= self._times[place] - TRAIL_S
            past = since & self._paths.there[:, self._own]
            past[place + 1 :] = False
            way = self._paths.xyxy[past, self._own]
            ground = np.stack(
                [(way[:, 0] + way[:, 2]) / 2, way[:, 3] - 0.25 * (way[:, 3] - way[:, 1])], axis=1
            )
            mark_vehicle(image, self._paths.xyxy[place, self._own], ground, place == self._act)
        if place == self._act:
            mark_act(image)
        return image

    def _moment(self, place: int) -> Moment:
        at = float(self._times[place])
        start, length = float(self._times[0]), max(float(np.ptp(self._times)), 1e-6)
        act = float(self._times[self._act])
        return Moment(
            self._request.wall_of(at),
            self._frame(at),
            (at - start) / length,
            (act - start) / length,
            abs(at - act) <= ACT_SHOWN_S,
        )

    def _frame(self, at_s: float) -> int | None:
        """Number of the picture in the source; None for one that was not looked at."""
        if not len(self._frame_times):
            return None
        nearest = float(self._frame_times[np.abs(self._frame_times - at_s).argmin()])
        return self._frames[nearest] if abs(nearest - at_s) <= NEAR_S / 2 else None

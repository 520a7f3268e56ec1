from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pytest

from tests.vision.evidence.streams import FPS, HEIGHT, STEP, WIDTH, encoded, ring_of, violation
from vision.boxes import FrameBoxes
from vision.detect.detections import CLASS_ID, FloatArray
from vision.evidence.clip import Clip, ClipError, make_clip
from vision.evidence.proxy import ProxyRequest, ProxySettings, chosen_times, make_proxy
from vision.evidence.ring import ClipPackets
from vision.source.encoded import EncodedPacket
from vision.source.picture import Image

ACT_S = 3.0
START = datetime(2026, 11, 22, 1, 2, 0, tzinfo=UTC)
SCALE = 640 / WIDTH  # a narrow picture is scaled up
NONE = np.empty((0, 4), np.float32)


class Faces:
    """Finds what it is told to, and counts how often it is asked for a whole picture."""

    def __init__(self, found: FloatArray = NONE) -> None:
        self.found = found
        self.asked = 0

    def find(self, picture: Image, large: float = 0.05) -> FloatArray:
        if picture.shape[1] != 640:
            return NONE
        self.asked += 1
        return self.found


def clip_of(start_s: float = 1.0, end_s: float = 5.0) -> Clip:
    cut = ring_of(*encoded()).cut(start_s, end_s)
    assert cut is not None
    return make_clip(cut)


def square(number: int) -> tuple[float, float, float, float]:
    """Where the white square of the stream is: the vehicle."""
    return number * STEP, 30, number * STEP + 20, 50


def boxes(*more: tuple[int, str, tuple[float, ...]]) -> list[FrameBoxes]:
    """The square as track 7, and others that stand."""
    frames = []
    for number in range(60):
        here = [(7, "motorcycle", square(number)), *more]
        frames.append(
            FrameBoxes(
                number / FPS,
                number,
                np.array([track for track, _, _ in here]),
                np.array([box for _, _, box in here], np.float32),
                np.array([CLASS_ID[name] for _, name, _ in here]),  # type: ignore[index]
            )
        )
    return frames


def request(frames: list[FrameBoxes]) -> ProxyRequest:
    return ProxyRequest(
        violation(), ACT_S, "Ngã tư", lambda at: START + timedelta(seconds=at), frames
    )


def pictures(data: bytes) -> tuple[list[float], list[Image]]:
    with av.open(io.BytesIO(data), "r") as file:
        frames = list(file.decode(video=0))
    times = [frame.time for frame in frames if frame.time is not None]
    return times, [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]


def middle(image: Image, box: tuple[float, ...]) -> Image:
    left, top, right, bottom = (round(edge * SCALE) for edge in box)
    return image[top + 8 : bottom - 8, left + 8 : right - 8]


def test_the_same_clip_gives_the_same_file_twice() -> None:
    clip, asked = clip_of(), request(boxes())
    first, second = (make_proxy(clip, asked, Faces()) for _ in range(2))
    assert first == second
    assert (first.role, first.media_type, first.suffix) == ("proxy", "video/mp4", ".mp4")


def test_the_file_plays_from_its_first_bytes_with_a_permissive_codec() -> None:
    data = make_proxy(clip_of(), request(boxes()), Faces()).data
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data)) as file:
        video = file.streams.video[0]
        assert video.codec_context.name in ("vp9", "libvpx-vp9")
        assert (video.width, video.height) == (640, round(HEIGHT * SCALE) + 80)


def test_it_shows_the_time_asked_for_and_no_other() -> None:
    times, images = pictures(make_proxy(clip_of(1.5, 4.5), request(boxes()), Faces()).data)
    assert times == pytest.approx([number / FPS for number in range(31)], abs=0.002)
    assert len(images) == 31


def test_few_pictures_a_second_are_shown_and_the_act_always() -> None:
    clip = clip_of()
    times = chosen_times(clip, 3.1, 4.0)
    assert 3.1 in times.round(6)
    assert len(times) <= 4 * 4 + 2
    assert chosen_times(clip, 3.1, 12.5).tolist() == pytest.approx(
        [at for at in clip.times_s if 1 <= at <= 5]
    )


def test_the_vehicle_is_shown_and_others_heads_and_plates_are_hidden() -> None:
    car = (100.0, 60.0, 150.0, 90.0)
    shown = make_proxy(clip_of(), request(boxes()), Faces()).data
    hidden = make_proxy(clip_of(), request(boxes((9, "car", car))), Faces()).data
    for before, after in zip(pictures(shown)[1], pictures(hidden)[1], strict=True):
        assert np.abs(before[:300, :360].astype(int) - after[:300, :360]).max() < 60
    number = 30
    bright = pictures(shown)[1][number - 10]
    assert middle(bright, square(number)).mean() > 200


def test_anothers_plate_is_hidden_in_the_pixels_of_the_picture() -> None:
    """The white square itself is another's car: its lower part is no longer white to its edge."""
    frames = [
        FrameBoxes(
            f.pts_s,
            f.frame,
            np.array([9]),
            f.xyxy + np.array([-20, -20, 20, 4], np.float32),
            np.array([CLASS_ID["car"]]),
        )
        for f in boxes()
    ]
    number = 20
    hidden = pictures(make_proxy(clip_of(), request(frames), Faces()).data)[1][number]
    plain = pictures(make_proxy(clip_of(), request([]), Faces()).data)[1][number]
    left, _, right, bottom = (round(edge * SCALE) for edge in square(number + 10))
    edge = np.s_[bottom - 12 : bottom - 4, left - 20 : right + 20]
    sharp = [np.abs(np.diff(image[edge].astype(int), axis=1)).max() for image in (plain, hidden)]
    assert sharp[0] > 50 > 25 > sharp[1]


def test_a_face_is_hidden_in_every_picture_though_few_are_searched() -> None:
    face = np.array([[100, 120, 200, 200]], np.float32)  # in the way of the square
    faces = Faces(face)
    settings = ProxySettings(face_every_s=0.5)
    times, images = pictures(make_proxy(clip_of(), request([]), faces, settings).data)
    assert faces.asked <= len(times) / 5 + 2
    for image in images:
        inside = image[125:195, 105:195].astype(int)
        assert np.abs(np.diff(inside, axis=1)).max() < 30


def test_a_face_moves_on_with_its_vehicle() -> None:
    """A face at the front of the square, found once a second, stays hidden as the square moves."""

    class Front(Faces):
        def find(self, picture: Image, large: float = 0.05) -> FloatArray:
            x = float(np.flatnonzero(picture[160, :, 0] > 128).max())
            return np.array([[x - 16, 120, x + 16, 190]], np.float32)

    frames = [
        FrameBoxes(f.pts_s, f.frame, np.array([8]), f.xyxy, np.array([CLASS_ID["other"]]))
        for f in boxes()
    ]
    settings = ProxySettings(face_every_s=1.0)
    _, images = pictures(make_proxy(clip_of(), request(frames), Front(), settings).data)
    assert len(images) == 41
    for number, image in enumerate(images):
        front = round(square(number + 10)[2] * SCALE)
        edge = image[150:158, front - 8 : front + 8].astype(int)
        assert np.abs(np.diff(edge, axis=1)).max() < 40, number


def test_the_picture_of_the_act_is_framed() -> None:
    times, images = pictures(make_proxy(clip_of(), request(boxes()), Faces()).data)
    red = [image[2, 320, 2] > 150 and image[2, 320, 0] < 110 for image in images]
    assert [at for at, framed in zip(times, red, strict=True) if framed] == pytest.approx(
        [ACT_S - 1.0], abs=0.002
    )


def test_a_clip_that_cannot_be_decoded_is_a_clip_error() -> None:
    info, packets = encoded()
    broken = tuple(EncodedPacket(b"\0" * 50, p.pts_s, p.dts_s, p.keyframe) for p in packets[:5])
    with pytest.raises(ClipError):
        make_proxy(make_clip(ClipPackets(info, broken, 0, 1, ())), request([]), Faces())


def test_a_private_area_is_hidden_even_where_the_vehicle_drives_through() -> None:
    corner = [(0.0, 0.0), (0.6, 0.0), (0.6, 1.0), (0.0, 1.0)]
    asked = request([])  # no box is drawn round anybody
    _, shown = pictures(make_proxy(clip_of(), asked, Faces()).data)
    _, hidden = pictures(make_proxy(clip_of(), replace(asked, private=[corner]), Faces()).data)

    edge = round(0.6 * 640)
    rows = round(HEIGHT * SCALE) - 40
    # The picture of the stream is a white square with sharp edges; none is left in the area.
    sharp = [int(np.abs(np.diff(i[20:rows, 20 : edge - 20, 0].astype(int))).max()) for i in shown]
    soft = [int(np.abs(np.diff(i[20:rows, 20 : edge - 20, 0].astype(int))).max()) for i in hidden]
    assert max(sharp) > 60
    assert max(soft) < 25
    assert np.array_equal(shown[0][20:rows, edge + 20 :], hidden[0][20:rows, edge + 20 :])

"""What a softened picture still tells: nothing of others, all of the flagged vehicle."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.softening import Box, box_at, cell_of, clear_part, soften
from console.view_making import UnreadableError, chosen, make
from console.view_process import KilledError, ViewProcess
from console.views import TimedBox, View

WIDTH, HEIGHT = 1280, 720
BOX = Box(200.0, 300.0, 400.0, 500.0)
PLATE = (slice(100, 160), slice(800, 1040))


def street() -> Any:
    """Grey, with letters of 8-pixel strokes on a white plate that belongs to somebody else."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    image[PLATE] = 255
    for n in range(15):
        image[110:150, 808 + 16 * n : 816 + 16 * n] = 0
    rng = np.random.default_rng(7)
    image[300:500, 200:400] = rng.integers(0, 256, (200, 200, 3), np.uint8)
    return image


def strokes(image: Any) -> float:
    """How strong a pattern of the strokes' own period is inside the plate, 0 to 128."""
    row = np.asarray(image, np.float64)[120:140, 808:1032].mean(axis=(0, 2))
    return float(2 * abs(np.fft.rfft(row - row.mean())[len(row) // 16]) / len(row))


def test_a_plate_outside_is_gone_and_the_vehicle_is_untouched() -> None:
    image = street()
    clear = clear_part(BOX, (WIDTH, HEIGHT), (WIDTH, HEIGHT))
    assert clear is not None
    shown = soften(image, cell_of(WIDTH, clear, "car"), clear)
    assert strokes(image) > 100
    assert strokes(shown) < 2, "no letter is left"
    assert (shown[300:500, 200:400] == image[300:500, 200:400]).all()
    # Grown by 15 % of its sides, and not more.
    changed = np.abs(shown.astype(int) - image.astype(int)).sum(axis=2) > 0
    assert not changed[270:530, 170:430].any()
    assert (clear.left, clear.top, clear.right, clear.bottom) == (170, 270, 430, 530)


def test_without_a_box_nothing_stays_clear() -> None:
    image = street()
    shown = soften(image, cell_of(WIDTH, None, ""), None)
    before, after = (np.asarray(one, np.float64)[300:500, 200:400].std() for one in (image, shown))
    assert after < before / 5


@pytest.mark.parametrize("width", [480, 960, 1600, 1920])
def test_a_head_keeps_five_tones_across(width: int) -> None:
    """The widest head of a junction's view; one tone is one sample of the small picture."""
    head = width / 19.2
    assert head / cell_of(width, None, "") <= 5.001


def test_where_the_vehicle_is_near_so_are_its_neighbours() -> None:
    near = Box(0, 0, 0.4 * WIDTH, 300)
    assert cell_of(WIDTH, near, "motorcycle") > 2 * cell_of(WIDTH, None, "motorcycle")


def test_a_lamp_is_still_red() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    cv2.circle(image, (640, 80), 9, (40, 40, 230), -1)
    shown = soften(image, cell_of(WIDTH, None, ""), None)
    blue, green, red = (int(shown[:, :, c].max()) for c in range(3))
    assert red > 2 * max(blue, green)


def test_boxes_are_joined_by_straight_ways_and_not_over_long_gaps() -> None:
    boxes = [TimedBox(0, 0, 0, 10, 10), TimedBox(1_000_000, 100, 0, 110, 10)]
    assert box_at(boxes, 500_000) == (50, 0, 60, 10)
    assert box_at(boxes, -400_000) == (0, 0, 10, 10)
    assert box_at(boxes, -600_000) is None
    assert box_at(boxes, 1_600_000) is None
    far = [boxes[0], TimedBox(4_000_000, 100, 0, 110, 10)]
    assert box_at(far, 2_000_000) is None
    assert box_at(far, 300_000) is not None
    assert box_at([], 0) is None


@given(
    box=st.tuples(*[st.floats(-1e7, 1e7)] * 4),
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    of=st.tuples(st.integers(0, 4000), st.integers(0, 4000)),
)
def test_whatever_a_manifest_says_the_part_lies_in_the_picture(
    box: tuple[float, float, float, float], size: tuple[int, int], of: tuple[int, int]
) -> None:
    clear = clear_part(Box(*box), size, of)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    shown = soften(image, cell_of(size[0], clear, "car"), clear)
    assert shown.shape == image.shape
    if clear is not None:
        assert 0 <= clear.left < clear.right <= size[0]
        assert 0 <= clear.top < clear.bottom <= size[1]


@given(steps=st.lists(st.integers(1, 400_000), min_size=1, max_size=80), data=st.data())
def test_a_copy_shows_the_act_and_no_more_pictures_than_it_may(
    steps: list[int], data: st.DataObject
) -> None:
    times = np.cumsum(steps).tolist()
    times = [us - times[len(times) // 2] for us in times]
    start = data.draw(st.integers(times[0], times[-1]))
    kept = chosen(times, start, times[-1])
    shown = [times[n] for n in kept]
    inside = [us for us in times if us >= start]
    assert shown == sorted(set(shown))
    assert shown[0] == inside[0]
    assert min(inside, key=abs) in shown
    extra = sum(b - a < 75_000 for a, b in pairwise(shown))
    assert extra <= 1, "only the picture of the act may come early"


def clip_of(pictures: list[Any], fps: int = 25) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream: Any = out.add_stream("libx264", rate=fps, options={"crf": "10"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def pictures_of(path: Path) -> list[tuple[float, Any]]:
    with av.open(str(path)) as container:
        return [
            (float(frame.time), frame.to_ndarray(format="bgr24"))
            for frame in container.decode(container.streams.video[0])
        ]


def video(**changes: Any) -> View:
    values = {
        "sha256": "0" * 64, "kind": "video", "media_type": "video/mp4", "vehicle": "car",
        "size": (WIDTH, HEIGHT), "boxes": (TimedBox(0, *BOX),),
        "pictures_us": tuple(range(-480_000, 480_000, 40_000)),
        "start_us": -400_000, "end_us": 440_000, **changes,
    }  # fmt: skip
    return View(**values)


def test_a_clip_is_softened_in_every_picture(tmp_path: Path) -> None:
    source, target = tmp_path / "clip", tmp_path / "view.mp4"
    source.write_bytes(clip_of([street()] * 24))
    make(video(), source, target)
    shown = pictures_of(target)
    times = [round(at * 1000) for at, _ in shown]
    assert times[0] == 0
    assert 400 in times, "the act itself is in it"
    assert 11 <= len(shown) <= 13, "12.5 pictures a second"
    for _, image in shown:
        assert image.shape[1] == 960
        whole = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        assert strokes(whole) < 6
        assert whole[320:480, 220:380].std() > 20, "the vehicle is clear"


def test_a_clip_of_nobodys_set_is_softened_wholly(tmp_path: Path) -> None:
    source, target = tmp_path / "clip", tmp_path / "view.mp4"
    source.write_bytes(clip_of([street()] * 24))
    make(View("0" * 64, "video", "video/mp4"), source, target)
    for _, image in pictures_of(target):
        whole = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        assert strokes(whole) < 6
        assert whole[320:480, 220:380].std() < 15


def test_a_still_is_at_most_1600_wide(tmp_path: Path) -> None:
    source, target = tmp_path / "still", tmp_path / "view.jpg"
    large = cv2.resize(street(), (3840, 2160), interpolation=cv2.INTER_NEAREST)
    source.write_bytes(cv2.imencode(".jpg", large)[1].tobytes())
    view = View(
        "0" * 64, "still", "image/jpeg", vehicle="car", size=(3840, 2160),
        boxes=(TimedBox(0, *(3 * edge for edge in BOX)),),
    )  # fmt: skip
    make(view, source, target)
    shown = cv2.imread(str(target))
    assert shown is not None
    assert shown.shape == (900, 1600, 3)
    whole = cv2.resize(shown, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    assert strokes(whole) < 3
    assert whole[320:480, 220:380].std() > 30


@pytest.mark.parametrize(
    ("kind", "media_type", "data"),
    [
        ("still", "image/jpeg", b"no picture"),
        ("still", "image/jpeg", b""),
        ("video", "video/mp4", b"no clip at all"),
        ("video", "video/mp4", b""),
        ("copy", "image/png", b"<html><script>alert(1)</script>"),
        ("copy", "video/mp4", b"<svg onload=alert(1)>"),
    ],
)
def test_what_is_no_picture_is_no_view(
    kind: Any, media_type: str, data: bytes, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    with pytest.raises(UnreadableError):
        make(View("0" * 64, kind, media_type), source, tmp_path / "target.mp4")


def test_the_process_outlives_bad_files_and_is_replaced_when_it_is_killed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target.jpg"
    view = View("0" * 64, "still", "image/jpeg")
    process = ViewProcess()
    try:
        source.write_bytes(b"no picture")
        assert process.make(view, source, target) == "no picture"
        source.write_bytes(cv2.imencode(".png", street())[1].tobytes())
        assert process.make(view, source, target) is None
        assert target.is_file()
        running = process._process
        assert running is not None
        running.kill()
        with pytest.raises(KilledError):
            process.make(view, source, target)
        assert process.make(view, source, target) is None
    finally:
        process.kill()


def test_a_file_that_never_ends_is_given_up(tmp_path: Path) -> None:
    source = tmp_path / "clip"
    source.write_bytes(clip_of([street()] * 200))
    process = ViewProcess(limit_s=0.5)
    try:
        with pytest.raises(KilledError, match="longer"):
            process.make(View("0" * 64, "video", "video/mp4"), source, tmp_path / "out.mp4")
    finally:
        process.kill()


def test_a_picture_of_enormous_size_is_no_view(tmp_path: Path) -> None:
    """A bomb: 81 million pixels in a small file, more than any camera has."""
    source = tmp_path / "bomb"
    source.write_bytes(_png_header(9_000, 9_000))
    process = ViewProcess()
    try:
        fault = process.make(View("0" * 64, "still", "image/jpeg"), source, tmp_path / "out.jpg")
        assert fault
    finally:
        process.kill()


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    row = b"\0" + bytes(width * 3)
    packer = zlib.compressobj(1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )

from __future__ import annotations

import gc
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from ioc.errors import ConfigError
from tests.vision.clips import write_clip
from tests.vision.streams import write_stream
from vision.source.decoded import picture_of
from vision.source.encoded import EncodedPacket, StreamInfo
from vision.source.file import FileSource, recorded_at

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def test_every_frame_comes_once_with_its_time(tmp_path: Path) -> None:
    with FileSource(write_clip(tmp_path / "c.avi"), clock=lambda: NOW) as source:
        frames = list(source)

    assert [frame.index for frame in frames] == list(range(25))
    assert [round(frame.pts_s, 3) for frame in frames] == [n / 10 for n in range(25)]
    assert frames[10].wall == NOW + timedelta(seconds=1)
    assert frames[3].picture.bgr().shape == (64, 96, 3)


def test_a_long_file_is_anchored_so_that_its_end_is_not_too_far_ahead(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.avi", frames=400, fps=1)

    with FileSource(path, clock=lambda: NOW) as source:
        assert source.anchor + timedelta(seconds=400) == NOW + timedelta(minutes=4)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()

    for name, said in (
        ("missing.mp4", "no such file"),
        ("text.mp4", "not a video that can be decoded"),
        ("empty.mp4", "not a video that can be decoded"),
        (".", "is a folder"),
    ):
        with pytest.raises(ConfigError, match=said):
            FileSource(tmp_path / name)


def test_a_file_that_was_cut_off_gives_its_frames_and_then_says_so(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "c.avi", frames=60)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    frames = 0
    with FileSource(cut) as source, pytest.raises(ConfigError, match="cut off or damaged"):
        for _frame in source:
            frames += 1

    assert 10 < frames < 50


class Kept:
    """A tap that keeps what it gets."""

    def __init__(self) -> None:
        self.streams: list[StreamInfo] = []
        self.packets: list[EncodedPacket] = []

    def opened(self, stream: StreamInfo) -> None:
        self.streams.append(stream)

    def packet(self, packet: EncodedPacket) -> None:
        self.packets.append(packet)


def test_the_encoded_stream_comes_beside_in_the_frames_clock(tmp_path: Path) -> None:
    tap = Kept()
    path = write_stream(tmp_path / "c.mp4", 2, tune="animation")

    with FileSource(path, tap=tap) as source:
        frames = []
        for frame in source:
            assert any(packet.pts_s == pytest.approx(frame.pts_s) for packet in tap.packets)
            frames.append(frame)

    shown = sorted(packet.pts_s for packet in tap.packets)
    assert shown == pytest.approx([frame.pts_s for frame in frames])
    decoded = [packet.dts_s for packet in tap.packets]
    assert decoded == sorted(decoded) and decoded != pytest.approx(shown)
    assert [n for n, packet in enumerate(tap.packets) if packet.keyframe] == [0, 25]
    (stream,) = tap.streams
    assert (stream.codec, stream.width, stream.height) == ("h264", 160, 96)
    assert stream.extradata and stream.pixel_format == "yuv420p"


def test_two_runs_with_a_fixed_anchor_are_equal(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "c.mp4", 1)
    runs = []
    for _ in range(2):
        with FileSource(path, anchor=recorded_at(path)) as source:
            runs.append([(f.index, f.pts_s, f.wall, f.picture.bgr().tobytes()) for f in source])

    assert runs[0] == runs[1]
    assert runs[0][0][2] == recorded_at(path)


@pytest.mark.parametrize(
    ("stated", "taken"),
    [
        ("2026-03-01T06:00:00.5Z", datetime(2026, 3, 1, 6, 0, 0, 500_000, UTC)),
        ("1904-01-01T00:00:00Z", NOW),  # a recorder whose clock was never set
        ("2090-01-01T00:00:00Z", NOW),
        ("yesterday", NOW),
        (None, NOW),
    ],
)
def test_a_file_says_when_it_was_recorded(
    tmp_path: Path, stated: str | None, taken: datetime
) -> None:
    path = write_stream(tmp_path / "c.mkv", 0.2, made=stated)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))

    assert recorded_at(path) == taken


def test_damaged_frames_are_counted_and_keep_their_numbers(tmp_path: Path) -> None:
    with FileSource(write_stream(tmp_path / "c.mp4", 4, spoil=(30, 60))) as source:
        numbers = [frame.index for frame in source]

    assert source.unusable == 2
    assert len(numbers) == 98
    assert numbers[-1] == 99


def test_pictures_that_are_held_do_not_change(tmp_path: Path) -> None:
    with FileSource(write_stream(tmp_path / "c.mp4", 2)) as source:
        frames = list(source)
    held = [frame.picture.crop(0, 0, 160, 96).copy() for frame in frames]
    gc.collect()

    assert len({image.tobytes() for image in held}) > 25
    for frame, image in zip(frames, held, strict=True):
        assert np.array_equal(frame.picture.crop(0, 0, 160, 96), image)


@pytest.mark.parametrize(
    "pixels",
    ["yuv420p", "yuvj420p", "nv12", "yuvj422p", "yuv444p", "yuv420p10le", "gray", "bgr24"],
)
@pytest.mark.parametrize("size", [(96, 64), (97, 63)])
def test_colours_are_right_however_they_are_coded(pixels: str, size: tuple[int, int]) -> None:
    grey = pixels == "gray"
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, 30:60] = (120, 120, 120) if grey else (30, 60, 200)
    image[:, 60:] = 255
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixels)

    picture = picture_of(frame)
    scaled = np.zeros((32, 48, 3), np.uint8)
    picture.resize_into(scaled)

    assert (picture.width, picture.height) == size
    for seen in (picture.bgr(), scaled):
        columns = [int(share * seen.shape[1]) for share in (0.1, 0.45, 0.9)]
        for column, x in zip(columns, (5, 45, 90), strict=True):
            assert seen[20, column].astype(int) == pytest.approx(image[20, x].astype(int), abs=6)


def test_a_film_of_a_telephone_held_upright_is_upright(tmp_path: Path) -> None:
    level = write_stream(tmp_path / "c.mp4", 0.4)
    data = level.read_bytes()
    one, minus = (1 << 16).to_bytes(4, "big"), (-(1 << 16)).to_bytes(4, "big", signed=True)
    zero = bytes(4)
    at = data.index(one + zero * 3 + one, data.index(b"tkhd"))  # the track's display matrix
    turned = tmp_path / "turned.mp4"
    clockwise = zero + one + zero + minus + zero
    turned.write_bytes(data[:at] + clockwise + data[at + len(clockwise) :])

    with FileSource(level) as source:
        wanted = [np.rot90(frame.picture.bgr(), -1) for frame in source]
    with FileSource(turned) as source:
        assert (source.width, source.height) == (96, 160)
        for frame, image in zip(source, wanted, strict=True):
            assert np.array_equal(frame.picture.bgr(), image)


def test_full_range_without_the_name_for_it_is_seen_too() -> None:
    image = np.full((64, 96, 3), 255, np.uint8)
    image[:32] = 0
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format="yuv420p", dst_color_range=2
    )

    seen = picture_of(frame).bgr()

    assert seen[10, 10].max() < 4
    assert seen[50, 50].min() > 251

"""Clips: the camera's own bytes, in the right order, the same on every run."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest

from tests.vision.evidence.streams import FPS, HEIGHT, STEP, WIDTH, encoded, ring_of
from vision.evidence.clip import Clip, ClipError, make_clip, read_clip
from vision.evidence.first_encoding import FirstEncoding
from vision.evidence.ring import ClipPackets, PacketRing
from vision.source.encoded import EncodedPacket, StreamInfo
from vision.source.picture import Picture

CODECS = ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg4", "mjpeg", "libvpx", "mpeg2video"]


def cut(codec: str, start: float = 2.0, end: float = 4.0, *, annexb: bool = False) -> ClipPackets:
    found = ring_of(*encoded(codec, annexb=annexb)).cut(start, end)
    assert found is not None
    return found


def square(picture: np.ndarray) -> float:
    """Where the white square of a picture is: its left edge, pixels."""
    columns = np.flatnonzero(picture[40, :, 0] > 130)
    return float(columns[0])


@pytest.mark.parametrize(
    ("codec", "annexb"),
    [*((codec, False) for codec in CODECS), ("libx264", True), ("libx265", True)],
)
def test_every_codec_comes_back_picture_by_picture(codec: str, annexb: bool) -> None:
    packets = cut(codec, annexb=annexb)
    clip = make_clip(packets)
    wanted = (2.0, 2.7, 3.9)
    reading = read_clip(clip, wanted)
    assert reading.times_s == clip.times_s
    assert (reading.width, reading.height, reading.damaged) == (WIDTH, HEIGHT, 0)
    for want, picture, index in zip(wanted, reading.pictures, reading.indices, strict=True):
        assert reading.times_s[index] == pytest.approx(want, abs=0.002)
        assert square(picture) == pytest.approx(want * FPS * STEP, abs=2)


def test_mp4_holds_what_players_expect_and_matroska_the_rest() -> None:
    suffixes = {codec: make_clip(cut(codec)).suffix for codec in CODECS}
    assert {codec for codec, suffix in suffixes.items() if suffix == ".mkv"} == {
        "libvpx",
        "mpeg2video",
    }


def test_not_a_byte_of_the_camera_is_changed() -> None:
    packets = cut("libx264", annexb=False)
    clip = make_clip(packets)
    with av.open(io.BytesIO(clip.data), "r") as file:
        stored = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    assert stored == [packet.data for packet in packets.packets]


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
def test_the_same_packets_give_the_same_bytes(codec: str) -> None:
    first, second = make_clip(cut(codec)), make_clip(cut(codec))
    assert first.data == second.data
    assert b"creation_time" not in first.data
    with av.open(io.BytesIO(first.data)) as file:
        assert file.metadata.get("encoder", "Lavf") == "Lavf", "no version of FFmpeg in it"


def test_pictures_out_of_order_are_shown_in_order() -> None:
    packets = cut("libx264")
    shown = [packet.pts_s for packet in packets.packets]
    assert shown != sorted(shown), "the stream has B-frames"
    reading = read_clip(make_clip(packets), ())
    assert all(after > before for before, after in pairwise(reading.times_s))


def test_a_cut_off_file_plays_up_to_there() -> None:
    clip = make_clip(cut("libx264", 1.0, 5.0))
    with av.open(io.BytesIO(clip.data[: len(clip.data) * 2 // 3]), "r") as file:
        count = 0
        try:
            for _ in file.decode(video=0):
                count += 1
        except av.error.FFmpegError:
            pass
    assert count >= 10


def test_a_file_that_lost_packets_does_not_count() -> None:
    clip = make_clip(cut("libx264", 1.0, 5.0))
    with pytest.raises(ClipError):
        read_clip(replace(clip, data=clip.data[: len(clip.data) * 2 // 3]))


def test_damage_on_the_way_is_counted_not_hidden() -> None:
    packets = cut("libx264")
    spoilt = list(packets.packets)
    bad = next(i for i, p in enumerate(spoilt) if i > 3 and not p.keyframe)
    data = spoilt[bad].data
    spoilt[bad] = replace(spoilt[bad], data=data[:5] + bytes(len(data) - 5))
    clip = make_clip(replace(packets, packets=tuple(spoilt)))
    reading = read_clip(clip)
    assert reading.damaged or len(reading.times_s) < len(clip.times_s)


def test_an_unknown_codec_is_refused_in_words() -> None:
    packets = cut("libx264")
    with pytest.raises(ClipError, match="wonder"):
        make_clip(replace(packets, stream=replace(packets.stream, codec="wonder")))


def test_packets_that_are_no_pictures_are_refused() -> None:
    packets = ClipPackets(
        StreamInfo("h264", 64, 64, b"", "yuv420p"),
        tuple(EncodedPacket(bytes(50), n / 10, n / 10, n == 0) for n in range(10)),
        0,
        1,
        (),
    )
    with pytest.raises(ClipError):
        read_clip(make_clip(packets))


def test_a_source_of_bare_pixels_is_coded_once() -> None:
    ring = PacketRing()
    encoding = FirstEncoding(ring)
    encoding.opened()
    for number in range(20):
        image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
        image[30:50, number * STEP : number * STEP + 20] = 230
        encoding.frame(Picture(bgr=image), number / FPS)
    packets = ring.cut(0.5, 1.5)
    assert packets is not None
    clip: Clip = make_clip(packets)
    reading = read_clip(clip, (1.0,))
    assert (clip.media_type, len(reading.times_s)) == ("video/mp4", 11)
    assert square(reading.pictures[0]) == pytest.approx(10 * STEP, abs=2)

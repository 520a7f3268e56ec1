from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.evidence.ring import ClipPackets, Gap, PacketRing
from vision.source.encoded import EncodedPacket, StreamInfo

INFO = StreamInfo("h264", 64, 64, b"", "yuv420p")
OTHER = StreamInfo("hevc", 64, 64, b"", "yuv420p")


def feed(
    ring: PacketRing,
    start: float,
    seconds: float,
    fps: float = 10,
    gop_s: float = 1,
    size: int = 10,
) -> None:
    for number in range(round(seconds * fps)):
        at = start + number / fps
        ring.packet(EncodedPacket(bytes(size), at, at, number % round(gop_s * fps) == 0))


def ring_with(seconds: float, **more: float) -> PacketRing:
    ring = PacketRing(**more)  # type: ignore[arg-type]
    ring.opened(INFO)
    feed(ring, 0, seconds)
    return ring


def cut(ring: PacketRing, start: float, end: float, at: float | None = None) -> ClipPackets:
    found = ring.cut(start, end, at)
    assert found is not None
    return found


def test_a_clip_begins_at_the_keyframe_before_and_ends_where_asked() -> None:
    clip = cut(ring_with(10), 2.55, 7.25)
    assert clip.packets[0].keyframe
    assert (clip.packets[0].pts_s, clip.packets[-1].pts_s) == pytest.approx((2.0, 7.2))
    assert clip.gaps == ()


def test_old_groups_go_and_the_gap_is_written_down() -> None:
    ring = ring_with(60, pre_s=2, post_s=2, slack_s=1)
    assert ring.bytes <= 10 * 10 * 7
    clip = cut(ring, 50, 58)
    assert clip.gaps == (Gap(50, clip.packets[0].pts_s, "not_kept"),)
    assert clip.packets[0].pts_s == pytest.approx(54)
    assert ring.overflows == 0
    assert ring.cut(1, 5) is None


def test_too_many_bytes_drop_whole_groups_and_are_counted() -> None:
    ring = ring_with(10, max_bytes=350)
    assert ring.bytes <= 350
    assert ring.overflows > 0
    assert cut(ring, 0, 10).packets[0].keyframe


def test_a_group_larger_than_the_bound_is_dropped_whole() -> None:
    ring = PacketRing(max_bytes=500)
    ring.opened(INFO)
    feed(ring, 0, 100, gop_s=1000)
    assert ring.bytes == 0
    assert ring.overflows == 1
    feed(ring, 100, 2)
    assert cut(ring, 99, 102).packets[0].pts_s == 100


def test_a_clip_never_mixes_two_streams() -> None:
    ring = ring_with(5)
    ring.opened(OTHER)
    feed(ring, 8, 5)
    before = cut(ring, 2, 10, at=4)
    assert before.stream == INFO
    assert before.packets[-1].pts_s < 5
    assert [gap.reason for gap in before.gaps] == ["stream_ended"]
    after = cut(ring, 2, 10, at=9)
    assert after.stream == OTHER
    assert [(gap.end_s, gap.reason) for gap in after.gaps] == [(8, "stream_began")]


def test_a_clock_that_jumps_back_begins_another_recording() -> None:
    ring = ring_with(5)
    feed(ring, 1, 3)
    clip = cut(ring, 0, 5, at=2)
    times = [packet.dts_s for packet in clip.packets]
    assert times == sorted(times)
    assert len(times) == 30


def test_a_pause_is_written_down() -> None:
    ring = ring_with(5)
    feed(ring, 7.5, 3)
    (gap,) = cut(ring, 2, 10).gaps
    assert (gap.start_s, gap.end_s) == pytest.approx((4.9, 7.5))
    assert gap.reason == "pause"


def test_six_pictures_a_second_are_no_gap() -> None:
    ring = PacketRing()
    ring.opened(INFO)
    feed(ring, 0, 10, fps=6)
    assert cut(ring, 2, 8).gaps == ()


def test_what_has_not_come_yet_is_said() -> None:
    (gap,) = cut(ring_with(5), 2, 9).gaps
    assert gap.reason == "not_received"


def test_packets_before_a_keyframe_are_counted_not_kept() -> None:
    ring = PacketRing()
    ring.opened(INFO)
    ring.packet(EncodedPacket(b"x", 0, 0, keyframe=False))
    assert (ring.headless, ring.bytes, ring.cut(0, 1)) == (1, 0, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["packet", "key", "open"]), st.floats(-2, 3), st.integers(0, 50)),
        max_size=200,
    ),
    st.floats(0, 60),
    st.floats(0, 30),
)
def test_any_stream_keeps_the_promises(
    steps: list[tuple[str, float, int]], start: float, length: float
) -> None:
    ring = PacketRing(pre_s=2, post_s=2, slack_s=1, max_bytes=400)
    ring.opened(INFO)
    at, streams = 0.0, [INFO]
    for what, step, size in steps:
        if what == "open":
            streams.append(OTHER if len(streams) % 2 else INFO)
            ring.opened(streams[-1])
            continue
        at += step
        ring.packet(EncodedPacket(bytes(size), at, at, what == "key"))
        assert ring.bytes <= 400
    clip = ring.cut(start, start + length)
    if clip is not None:
        assert clip.packets[0].keyframe
        assert all(packet.pts_s >= clip.packets[0].pts_s for packet in clip.packets)
        times = [packet.dts_s for packet in clip.packets]
        assert times == sorted(times)


def test_cutting_while_packets_come() -> None:
    ring = PacketRing()
    ring.opened(INFO)
    stop = threading.Event()

    def source() -> None:
        start = 0.0
        while not stop.is_set():
            feed(ring, start, 5)
            start += 5

    thread = threading.Thread(target=source)
    thread.start()
    try:
        cuts = 0
        while cuts < 200:
            newest = ring.newest_s
            clip = None if newest is None else ring.cut(newest - 6, newest)
            if clip is not None:
                assert clip.packets[0].keyframe
                cuts += 1
    finally:
        stop.set()
        thread.join()

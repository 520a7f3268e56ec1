"""A written video plays at its rate, and can be entered every two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from simulator.video import KEYFRAME_S, Image, write_video

RATE = 12.5
COUNT = 60


def pictures(count: int = COUNT) -> Iterator[Image]:
    for number in range(count):
        picture = np.full((64, 96, 3), 40, np.uint8)
        picture[16:48, number : number + 24] = 220
        yield picture


def test_pictures_are_shown_at_their_rate_and_packets_carry_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, pictures(), COUNT, RATE)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = [float(packet.pts * packet.time_base) for packet in packets]  # type: ignore[operator]
        assert float(stream.average_rate or 0) == RATE
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(
            COUNT / RATE, abs=1 / RATE
        )
    assert times == pytest.approx([number / RATE for number in range(COUNT)], abs=1e-3)
    keys = [time for time, packet in zip(times, packets, strict=True) if packet.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, COUNT / RATE])) <= KEYFRAME_S + 1 / RATE


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    for path in (first, second):
        write_video(path, pictures(20), 20, RATE)
    assert first.read_bytes() == second.read_bytes()


def test_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"):
        write_video(tmp_path / "none.mp4", iter(()), 0, RATE)
    assert not list(tmp_path.iterdir())

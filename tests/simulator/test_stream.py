"""The child's side of a virtual camera: pictures leave when due, late ones are left out."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.stream import LATE_S, Image, Pace, Streamed, write_stream


class Time:
    """A clock that only moves when somebody sleeps or renders."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now_s += seconds


class Pictures(Iterator[Image]):
    """So many pictures, each of which takes a time to render."""

    def __init__(self, count: int, time: Time, takes_s: float) -> None:
        self.count, self.time, self.takes_s, self.at = count, time, takes_s, 0

    def __next__(self) -> Image:
        if self.at >= self.count:
            raise StopIteration
        self.time.sleep(self.takes_s)
        self.at += 1
        return np.full((48, 64, 3), 90, np.uint8)


class Skipping(Pictures):
    """Pictures that can be left out."""

    def skip(self, frames: int) -> None:
        self.at += frames


def stamps(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data), "r", format="nut") as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


def streamed(frames: Pictures, rate: float = 12.5) -> tuple[Streamed, list[float], list[str]]:
    out, said = io.BytesIO(), list[str]()
    done = write_stream(
        out, rate, frames, monotonic=frames.time, sleep=frames.time.sleep, say=said.append
    )
    return done, stamps(out.getvalue()), said


def test_a_quick_renderer_waits_for_the_pace() -> None:
    time = Time()
    done, at, said = streamed(Pictures(50, time, 0.01))
    assert done == Streamed(50, 0, 0.0)
    assert at == pytest.approx([n * 0.08 for n in range(50)], abs=1e-3)
    assert time.now_s - 100 == pytest.approx(49 * 0.08 + 0.01, abs=0.02)
    assert said == []


def test_a_slow_renderer_leaves_pictures_out_and_stays_with_time() -> None:
    time = Time()
    done, at, said = streamed(Skipping(400, time, 0.2))
    assert done.late_s == 0
    assert done.frames + done.skipped == pytest.approx(400, abs=8)
    assert done.skipped == pytest.approx(240, abs=20)
    assert len(at) == done.frames
    # The last stamp is as far from the first as the clock went.
    assert at[-1] == pytest.approx(time.now_s - 100, abs=LATE_S + 0.5)
    assert said and "12.5 pictures a second" in said[0]


def test_a_slow_renderer_that_cannot_skip_goes_late_without_a_burst() -> None:
    time = Time()
    done, at, said = streamed(Pictures(100, time, 0.2))
    assert (done.frames, done.skipped) == (100, 0)
    assert at == pytest.approx([n * 0.08 for n in range(100)], abs=1e-3)
    assert done.late_s == pytest.approx(100 * 0.12, abs=LATE_S + 0.5)
    assert len(said) <= 2, "it does not say so at each picture"


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_after_a_hiccup_nobody_gets_more_than_half_a_second_at_once(takes: list[float]) -> None:
    time, sent = Time(), list[float]()
    pace = Pace(12.5, time.now_s)
    for seconds in takes + [0.0] * 30:
        time.sleep(seconds)
        time.sleep(pace.wait_s(time.now_s))
        sent.append(time.now_s)
        pace.slip(pace.sent(time.now_s))
    for n in range(len(sent)):
        together = sum(1 for at in sent if 0 <= at - sent[n] < 0.02)
        assert together <= LATE_S * 12.5 + 2


def test_a_reader_that_leaves_ends_the_stream() -> None:
    read, write = os.pipe()
    time = Time()
    frames = Pictures(10_000, time, 0.0)

    def leave() -> Iterator[Image]:
        for number, image in enumerate(frames):
            if number == 5:
                os.close(read)
            yield image

    with os.fdopen(write, "wb", buffering=0) as out:
        done = write_stream(out, 12.5, leave(), monotonic=time, sleep=time.sleep)
    assert 5 <= done.frames < 100


@pytest.mark.parametrize(
    ("shape", "says"), [((48, 63, 3), "even"), ((47, 64, 3), "even"), ((48, 64), "BGR")]
)
def test_pictures_that_no_encoder_takes_are_refused(shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        write_stream(io.BytesIO(), 12.5, iter([np.zeros(shape, np.uint8)]))


def test_a_picture_of_another_size_is_refused() -> None:
    sizes = [(48, 64, 3), (64, 64, 3)]
    images = iter([np.zeros(size, np.uint8) for size in sizes])
    with pytest.raises(ValueError, match="picture 1"):
        write_stream(io.BytesIO(), 1000, images)
    with pytest.raises(ValueError, match="rate"):
        write_stream(io.BytesIO(), 0, images)
    assert write_stream(io.BytesIO(), 5, iter([])) == Streamed(0, 0, 0.0)


def test_a_wrong_address_is_wrong_use_and_no_stream() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ioc.cli", "sim", "stream", "sim://nowhere/cam-1"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"nowhere" in done.stderr.splitlines()[-1]


def test_without_the_extra_the_mend_is_named() -> None:
    code = (
        "import sys; sys.modules['libsumo'] = sys.modules['numba'] = None\n"
        "sys.argv = ['ioc', 'sim', 'stream', 'sim://vithanh/cam-1']\n"
        "from ioc.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b".[sim]" in done.stderr
    assert len(done.stderr.splitlines()) == 1

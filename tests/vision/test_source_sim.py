"""A virtual camera is a live camera: it starts, plays, dies, comes back and leaves nothing behind.

The children are real processes that run the simulator's own stream code.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ioc.errors import ConfigError
from tests.servers import ROOT
from tests.vision.virtual import RATE, SIZE
from vision.source import address as address_module
from vision.source.address import live_address
from vision.source.frame import Frame
from vision.source.inbox import LiveStats
from vision.source.live import LiveSettings, LiveSource
from vision.source.open import open_source

SOURCE = "sim://vi_thanh/cam-1?seed=1"
QUICK = LiveSettings(
    stall_s=1.0, open_s=5, first_frame_s=8, shortest_retry_s=0.05, longest_retry_s=0.2
)


def _plays(monkeypatch: pytest.MonkeyPatch, mode: str = "plays") -> None:
    """From here on every virtual camera is the test's."""
    command = (sys.executable, "-m", "tests.vision.virtual", mode)
    monkeypatch.setattr(address_module, "sim_command", lambda _source: command)
    monkeypatch.chdir(ROOT)


def _children(of: int | None = None) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(of).children(recursive=True)
        if "tests.vision.virtual" in child.cmdline()
    ]


def _until(source: LiveSource, wanted: Callable[[LiveStats], bool], limit_s: float = 15) -> float:
    began = time.monotonic()
    while not wanted(source.stats()):
        assert time.monotonic() - began < limit_s, source.stats()
        source.latest(0.01)
    return time.monotonic() - began


def _gone(process: psutil.Process, limit_s: float) -> bool:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_pictures_come_at_the_pace_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch)
    with LiveSource(SOURCE, settings=QUICK) as source:
        frames: list[Frame] = []
        while len(frames) < 40:
            frame = source.latest(10)
            assert frame is not None
            frames.append(frame)
        stream = source.stats().stream

    first, last = frames[5], frames[-1]
    count = last.index - first.index
    assert (last.pts_s - first.pts_s) * RATE == pytest.approx(count, abs=0.01)
    assert last.arrival_s - first.arrival_s == pytest.approx(count / RATE, abs=0.3)
    assert first.picture.bgr().shape == (*SIZE, 3)
    assert stream is not None and stream.codec == "vp8"
    bar = [int(frame.picture.bgr()[:, :, 1].mean(axis=0).argmax()) for frame in (first, last)]
    assert abs((bar[1] - bar[0]) % SIZE[1] - count) <= 1, "the picture is the one that was drawn"


def test_a_killed_simulator_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch)
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: s.frames > 10)
        (child,) = _children()
        child.send_signal(signal.SIGKILL)
        _until(source, lambda s: s.state == "stalled")
        assert "signal 9" in source.stats().error
        took_s = _until(source, lambda s: s.reconnects == 1)
        (other,) = _children()

    assert took_s < 5
    assert other.pid != child.pid
    assert source.stats().stalls == 1


def test_a_simulator_that_falls_silent_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch, "falls-silent")
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: s.frames > 0)
        (child,) = _children()
        _until(source, lambda s: s.state == "stalled")
        assert source.stats().age_s == pytest.approx(QUICK.stall_s, abs=0.5)
        _until(source, lambda s: s.reconnects == 1)
        assert _gone(child, 2), "the silent one does not stay"
        assert source.stats().hanging == 0


def test_a_frozen_simulator_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch)
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: s.frames > 3)
        (child,) = _children()
        child.suspend()
        _until(source, lambda s: s.reconnects == 1)
        assert _gone(child, 2)


def test_a_clip_that_ends_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch, "ends")
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: s.reconnects >= 1)


def test_closing_ends_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch)
    source = LiveSource(SOURCE, settings=QUICK)
    _until(source, lambda s: s.frames > 3)
    (child,) = _children()
    began = time.monotonic()
    source.close()

    assert _gone(child, 1)
    assert time.monotonic() - began < 2
    assert not _children()


def test_closing_before_the_first_picture_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _plays(monkeypatch)
    source = LiveSource(SOURCE, settings=QUICK)
    while not _children():
        time.sleep(0.005)
    source.close()
    assert not _children()


def test_what_libraries_print_does_not_get_into_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _plays(monkeypatch, "prints")
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: s.frames > 20)
        assert (source.stats().corrupt, source.stats().stalls) == (0, 0)


NODE = """
import sys, time
from vision.source import address
from vision.source.live import LiveSource
address.sim_command = lambda _: (sys.executable, "-m", "tests.vision.virtual", sys.argv[1])
source = LiveSource("sim://vi_thanh/cam-1")
assert source.latest(15)
print("plays", flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("mode", ["plays", "hangs"])
def test_a_killed_node_leaves_no_simulator_behind(mode: str, tmp_path: Path) -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, mode],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert node.stdout is not None
    with node.stdout:
        assert node.stdout.readline() == b"plays\n"
        (child,) = _children(node.pid)
        node.kill()
        node.wait()
    assert _gone(child, 2)


def test_a_wrong_place_is_told_once_and_not_tried_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = "import sys; print('ioc: no place nowhere', file=sys.stderr); sys.exit(2)"
    command = (sys.executable, "-c", script)
    monkeypatch.setattr(address_module, "sim_command", lambda _source: command)
    with LiveSource("sim://nowhere/cam-1", settings=QUICK) as source:
        _until(source, lambda s: s.state == "refused")
        assert source.stats().error == "sim://nowhere/cam-1: no place nowhere"
        time.sleep(0.5)
        assert source.stats().state == "refused", "it waits before it asks again"


def test_a_program_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_module, "sim_command", lambda _source: ("/nowhere/python",))
    with LiveSource(SOURCE, settings=QUICK) as source:
        _until(source, lambda s: "No such file" in s.error)


@pytest.mark.parametrize(
    "source",
    ["sim://", "sim://vi_thanh", "sim://vi_thanh/", "sim://Vi Thanh/cam", "sim://a/b?x=$(id)"],
)
def test_an_address_that_names_no_camera_is_refused_before_anything_starts(source: str) -> None:
    with pytest.raises(ConfigError, match=r"sim://PLACE/CAMERA"):
        open_source(source)


def test_the_command_is_the_program_itself() -> None:
    address = live_address(SOURCE, 4)
    assert address is not None
    assert address.command[1:] == ("-m", "ioc.cli", "sim", "stream", SOURCE)
    assert Path(address.command[0]).samefile(sys.executable)

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from ioc.local_process import LOOPBACK, free_port
from tests.vision.cameras import answering, camera, garbage, motion_jpeg, silent
from vision.source.encoded import EncodedPacket, StreamInfo
from vision.source.frame import Frame
from vision.source.inbox import LiveStats
from vision.source.live import LiveSettings, LiveSource

QUICK = LiveSettings(
    stall_s=0.8,
    open_s=0.8,
    first_frame_s=3,
    shortest_retry_s=0.05,
    longest_retry_s=0.2,
    refused_retry_s=1,
)


def _until(source: LiveSource, wanted: Callable[[LiveStats], bool], limit_s: float = 10) -> float:
    """Seconds until the source is so; looks at what comes meanwhile."""
    began = time.monotonic()
    while not wanted(source.stats()):
        assert time.monotonic() - began < limit_s, source.stats()
        source.latest(0.01)
    return time.monotonic() - began


def _http(port: int, login: str = "") -> str:
    return f"http://{login}{LOOPBACK}:{port}/video"


def test_pictures_come_with_their_clocks() -> None:
    with camera(motion_jpeg()) as port, LiveSource(_http(port), settings=QUICK) as source:
        frames: list[Frame] = []
        while len(frames) < 20:
            frame = source.latest(2)
            assert frame is not None
            frames.append(frame)

    for before, frame in pairwise(frames):
        assert frame.index > before.index
        assert frame.pts_s > before.pts_s
        assert frame.arrival_s > before.arrival_s
        assert frame.wall >= before.wall
    assert frames[0].picture.bgr().shape == (64, 96, 3)


def test_the_newest_picture_wins_and_the_others_are_counted() -> None:
    with camera(motion_jpeg(50)) as port, LiveSource(_http(port), settings=QUICK) as source:
        first = source.latest(5)
        while (come := source.stats().frames) < 20:  # nobody takes any
            time.sleep(0.05)
        frame = source.latest(0)
        stats = source.stats()

        assert first is not None and frame is not None
        assert frame.index >= come - 1
        assert stats.dropped >= frame.index - first.index - 1
        taken = source.latest(1)
        assert taken is not None and taken.index > frame.index


def test_a_camera_that_falls_silent_is_seen_and_comes_back() -> None:
    serve = motion_jpeg(silent_after=30)
    with camera(serve) as port, LiveSource(_http(port), settings=QUICK) as source:
        _until(source, lambda s: s.frames > 0)
        _until(source, lambda s: s.state == "stalled")
        assert source.stats().age_s == pytest.approx(QUICK.stall_s, abs=0.4)
        _until(source, lambda s: s.reconnects == 2)

        assert source.stats().stalls == 2
        assert source.stats().error == ""


def test_a_camera_that_loses_its_power_is_seen_and_comes_back() -> None:
    with camera(motion_jpeg()) as port:
        source = LiveSource(_http(port), settings=QUICK)
        _until(source, lambda s: s.frames > 5)
    with source:
        _until(source, lambda s: "refused" in s.error)
        assert source.stats().state == "stalled"
        last = source.latest(0)
        with camera(motion_jpeg(), port):
            _until(source, lambda s: s.state == "playing")
            frame = source.latest(1)
            stats = source.stats()

        assert frame is not None
        assert last is None or frame.pts_s > last.pts_s
        assert (stats.stalls, stats.reconnects) == (1, 1)


def test_time_goes_on_over_an_outage() -> None:
    serve = motion_jpeg(silent_after=10)
    with camera(serve) as port, LiveSource(_http(port), settings=QUICK) as source:
        first = source.latest(5)
        _until(source, lambda s: s.reconnects == 1)
        frame = source.latest(1)

    assert first is not None and frame is not None
    assert frame.pts_s - first.pts_s == pytest.approx(frame.arrival_s - first.arrival_s, abs=0.5)


def test_pictures_may_change_their_size() -> None:
    serve = motion_jpeg(size=lambda n: (96, 64) if n < 30 else (64, 32))
    opened: list[StreamInfo] = []

    class Seen:
        def opened(self, stream: StreamInfo) -> None:
            opened.append(stream)

        def packet(self, packet: EncodedPacket) -> None:
            assert packet.data[:2] == b"\xff\xd8"

    sizes: set[tuple[int, int]] = set()
    with camera(serve) as port, LiveSource(_http(port), Seen(), QUICK) as source:
        while len(sizes) < 2:
            frame = source.latest(5)
            assert frame is not None
            sizes.add((frame.picture.width, frame.picture.height))
        assert source.stats().stalls == 0

    assert sizes == {(96, 64), (64, 32)}
    assert [(stream.width, stream.height) for stream in opened] == [(96, 64), (64, 32)]


def test_damaged_pictures_are_counted_and_the_others_come() -> None:
    def spoil(number: int, data: bytes) -> bytes:
        return data if number % 3 else bytes(len(data))

    serve = motion_jpeg(picture=spoil)
    with camera(serve) as port, LiveSource(_http(port), settings=QUICK) as source:
        _until(source, lambda s: s.frames > 20 and s.corrupt > 5)
        assert source.stats().stalls == 0


@pytest.mark.parametrize(
    ("serve", "scheme", "said"),
    [
        (silent, "rtsp", "no answer for"),
        (silent, "http", "no answer for"),
        (garbage, "rtsp", ""),
        (garbage, "http", ""),
        (answering(b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n"), "rtsp", "404"),
        (answering(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "http", "no video"),
    ],
    ids=["silent rtsp", "silent http", "garbage rtsp", "garbage http", "wrong path", "a page"],
)
def test_what_is_no_camera_is_tried_again_and_described(serve: Any, scheme: str, said: str) -> None:
    with camera(serve) as port:
        url = f"{scheme}://admin:hunter2@{LOOPBACK}:{port}/v"
        with LiveSource(url, settings=QUICK) as source:
            _until(source, lambda s: s.error != "")
            stats = source.stats()
            assert source.latest(1) is None
        threads = [t.name for t in threading.enumerate() if "hunter2" in t.name]

    assert said in stats.error
    assert "hunter2" not in stats.error and "***@" in stats.error
    assert (stats.state, stats.stalls, stats.age_s) == ("connecting", 0, None)
    assert threads == []


def test_wrong_credentials_are_said_and_not_tried_again_at_once() -> None:
    asked = []

    def serve(connection: Any, _gone: threading.Event) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(b'HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm="c"\r\n\r\n')

    with camera(serve) as port:
        settings = LiveSettings(refused_retry_s=30, shortest_retry_s=0.01, longest_retry_s=0.02)
        with LiveSource(_http(port, "admin:hunter2@"), settings=settings) as source:
            _until(source, lambda s: s.state == "refused")
            tries = len(asked)
            time.sleep(0.5)
            error = source.stats().error

    assert len(asked) == tries <= 2  # FFmpeg asks without and then with the password
    assert "user name or password" in error and "hunter2" not in error


def test_a_camera_that_is_not_there_does_no_harm() -> None:
    with LiveSource(f"rtsp://{LOOPBACK}:{free_port()}/a", settings=QUICK) as source:
        _until(source, lambda s: "refused" in s.error)
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 0.5
    assert source.stats().state == "closed"
    assert source.latest(5) is None
    assert time.monotonic() - began < 0.5


def test_a_device_that_is_not_there_is_described() -> None:
    with LiveSource("/dev/video97", settings=QUICK) as source:
        _until(source, lambda s: "No such file" in s.error)


def test_readers_that_hang_are_left_behind_but_only_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A name look-up or a driver that never returns: nothing in FFmpeg can interrupt it.
    release = threading.Event()
    opened = []

    def hang(*_: Any, **__: Any) -> None:
        opened.append(threading.current_thread())
        release.wait(60)
        raise OSError("released")

    monkeypatch.setattr("vision.source.reader.av.open", hang)
    settings = LiveSettings(
        stall_s=0.2, open_s=0.1, shortest_retry_s=0.01, longest_retry_s=0.02, most_abandoned=2
    )
    with LiveSource("rtsp://camera/a", settings=settings) as source:
        _until(source, lambda s: s.state == "stuck", 20)
        time.sleep(1.5)
        assert len(opened) == source.stats().hanging == 2
        assert "readers hang" in source.stats().error
        release.set()
        _until(source, lambda s: s.hanging == 0 and len(opened) > 2)


def test_a_tap_that_breaks_ends_the_connection_but_not_the_source() -> None:
    class Broken:
        def opened(self, stream: StreamInfo) -> None:
            raise RuntimeError("disk full")

        def packet(self, packet: EncodedPacket) -> None:
            raise RuntimeError("disk full")

    with camera(motion_jpeg()) as port, LiveSource(_http(port), Broken(), QUICK) as source:
        _until(source, lambda s: "RuntimeError" in s.error)

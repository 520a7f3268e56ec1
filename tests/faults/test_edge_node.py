"""The whole node on live cameras: one has its plug pulled, the other one runs on undisturbed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from ioc.decode import decode
from ioc.events import HealthEvent
from tests.servers.rtsp import RtspServer
from tests.vision.clips import write_model, write_site
from tests.vision.streams import write_stream

pytestmark = [pytest.mark.service, pytest.mark.slow]

SITE = """
city: hau-giang
site: test
name: {vi: Ngã tư thử, en: Test junction}
city_name: {vi: Vị Thanh, en: Vi Thanh}
position: {latitude: 9.78, longitude: 105.47}
cameras:
"""
CAMERA = """
  - id: %s
    name: {vi: Máy quay, en: Camera}
    source: %s
    frame: {width: 96, height: 64}
    flow_period_s: 1
    lanes:
      - {id: a, polygon: [[0, 0], [96, 0], [96, 64], [0, 64]], direction: [[0, 30], [90, 30]]}
    lines:
      - {id: l, ends: [[48, 0], [48, 64]], lane: a}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_model(tmp_path)
    return tmp_path


@pytest.fixture
def cameras(place: Path) -> Iterator[tuple[RtspServer, RtspServer]]:
    clip = write_stream(place / "street.mp4", 120)
    servers = []
    for name in ("good", "bad"):
        (place / name).mkdir()
        servers.append(RtspServer(place / name, clip))
        servers[-1].start()
    sources = "".join(
        CAMERA % (f"cam-{number}", server.url(clip)) for number, server in enumerate(servers)
    )
    write_site(place, SITE + sources)
    yield servers[0], servers[1]
    for server in servers:
        server.kill()


def health(place: Path, camera: str) -> list[HealthEvent]:
    lines = (place / "events.jsonl").read_bytes().splitlines()
    events = [decode(line) for line in lines if line.endswith(b"}")]
    return [e for e in events if isinstance(e, HealthEvent) and e.source.endswith(camera)]


def test_a_pulled_plug_is_counted_in_health_and_the_other_camera_does_not_notice(
    place: Path, cameras: tuple[RtspServer, RtspServer]
) -> None:
    _good, bad = cameras
    with (place / "log").open("wb") as log:
        node = subprocess.Popen(
            [
                *(sys.executable, "-m", "ioc.cli", "edge", "run", place / "site.yaml"),
                *("--model", place / "tiny.onnx", "--out", place / "events.jsonl"),
                *("--receipts-s", "0"),
            ],
            stdout=log,
            stderr=log,
            # No broker: what matters here waits in the spool, and stands in the file as well.
            env=os.environ | {"IOC_MQTT__PORT": "1", "IOC_EDGE__SPOOL_DIR": str(place / "spool")},
        )
    try:
        _wait(lambda: len(health(place, "cam-1")) >= 1, 40, place)
        bad.kill()
        time.sleep(8)
        bad.start()
        stalled = len(health(place, "cam-1"))
        _wait(lambda: len(health(place, "cam-1")) >= stalled + 2, 40, place)
    finally:
        node.terminate()
        node.wait(20)

    pulled, steady = health(place, "cam-1"), health(place, "cam-0")
    assert pulled[0].data.stalls == 0
    assert pulled[-1].data.stalls == 1
    assert pulled[-1].data.fps is not None and pulled[-1].data.fps > 3  # it is back
    assert {event.data.stalls for event in steady} == {0}
    rates = [event.data.fps for event in steady[1:] if event.data.fps is not None]
    # A pulled plug shows as 0 for 8 s of about 12; a busy machine loses part of 25 pictures.
    assert min(rates) > 0 and median(rates) > 5, rates
    assert all(event.data.clock is not None for event in (*pulled, *steady))


def _wait(done, limit_s: float, place: Path) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + limit_s
    while not (place / "events.jsonl").exists() or not done():
        assert time.monotonic() < end, (place / "log").read_text()[-3000:]
        time.sleep(0.2)

"""A camera node killed with ``kill -9`` while violations wait for their evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.onnx_file import constant_model
from tests.vision.clips import SITE, write_clip, write_site

PARKING = """    zones:
      - {id: kerb, kind: no_parking, polygon: [[0, 0], [96, 0], [96, 64], [0, 64]]}
    rules:
      - {rule: illegal_parking, min_travel_px: 1, min_duration_s: 2, confirmations: 5}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A camera before which a car stands all the time, and a minute of recording after an act."""
    write_site(tmp_path, SITE + PARKING)
    write_clip(tmp_path / "clip.avi", frames=6000, fps=25)
    raw = np.zeros((1, 21, 85), np.float32)
    raw[0, 17, :5] = 0.5, 0.25, 0, 0, 0.9
    raw[0, 17, 5 + 2] = 0.9  # COCO: car
    constant_model(tmp_path / "car.onnx", (1, 3, 32, 32), raw)
    return tmp_path


def start(place: Path, out: str, clip: str = "clip.avi") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "ioc.cli", "edge", "run", place / "site.yaml"),
            *("--source", place / clip, "--model", place / "car.onnx", "--out", place / out),
            *("--receipts-s", "0"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(place / "log").open("ab"),
        env=os.environ
        | {
            "IOC_MQTT__PORT": "1",
            "IOC_EDGE__SPOOL_DIR": str(place / "spool"),
            "IOC_EVIDENCE__DIR": str(place / "evidence"),
            "IOC_EVIDENCE__POST_S": "60",
        },
    )


def violations(place: Path, out: str) -> list[dict[str, Any]]:
    lines = (place / out).read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [event for event in events if event["type"] == "vn.ioc.violation.v1"]


def test_a_violation_that_waited_for_its_recording_is_sent_after_the_restart(place: Path) -> None:
    node = start(place, "first.jsonl")
    try:
        end = time.monotonic() + 30
        while not list((place / "evidence").glob("*/open/*.open.json")):
            assert time.monotonic() < end, (place / "log").read_text()
            assert node.poll() is None, (place / "log").read_text()
            time.sleep(0.005)
    finally:
        node.kill()
        node.wait()
    assert violations(place, "first.jsonl") == []

    write_clip(place / "short.avi", frames=10, fps=25)
    again = start(place, "second.jsonl", "short.avi")
    again.wait(60)

    (told,) = violations(place, "second.jsonl")
    assert told["data"]["rule"] == "illegal_parking"
    assert told["data"]["reasons"][-1].startswith("mất bản ghi")
    assert told["data"]["signature"]
    assert not list((place / "evidence").glob("*/open/*"))

    third = start(place, "third.jsonl", "short.avi")
    third.wait(60)
    assert violations(place, "third.jsonl") == []

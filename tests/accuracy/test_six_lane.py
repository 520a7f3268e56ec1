"""The six-lane street, through the command line, against counts made by eye."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ioc.decode import decode
from ioc.events import Event, FlowEvent, ViolationEvent
from tests.accuracy.data import ROOT

SITE = ROOT / "tests" / "accuracy" / "sites" / "six_lane_topdown.yaml"
CLIP = "six_lane_topdown"


def run(data_folder: Path, site: Path, out: Path) -> list[Event]:
    done = subprocess.run(
        [
            sys.executable, "-m", "ioc.cli", "edge", "run", str(site), "--no-publish",
            "--source", str(data_folder / "videos" / f"{CLIP}.mp4"),
            "--model", str(data_folder / "models" / "yolox_nano_640.onnx"),
            "--out", str(out),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [decode(line) for line in out.read_bytes().splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(700)  # 40 s on two free cores
def test_counts_are_those_made_by_eye_and_nobody_drives_against_the_way(
    data_folder: Path, tmp_path: Path
) -> None:
    truth = json.loads((data_folder / "groundtruth" / f"{CLIP}.json").read_text())

    events = run(data_folder, SITE, tmp_path / "events.jsonl")

    counted: Counter[str] = Counter()
    for event in events:
        if isinstance(event, FlowEvent):
            counted[event.data.lane] += sum(event.data.counts.values())
    for line in truth["lines"]:
        off = abs(counted[line["id"]] - line["count_total"])
        assert off <= line["tolerance"], f"{line['id']}: {counted} against {line['count_total']}"
    assert not [event for event in events if isinstance(event, ViolationEvent)]

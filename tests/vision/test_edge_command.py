from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ioc.cli import main
from ioc.decode import decode
from ioc.events import FlowEvent
from ioc.telemetry import logger
from tests.vision.clips import SITE, write_clip, write_model, write_site


def ioc(*words: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ioc.cli", "edge", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        env=env,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_site(tmp_path)
    write_clip(tmp_path / "clip.avi")
    write_model(tmp_path)
    return tmp_path


def test_a_file_runs_to_its_end_and_leaves_valid_events(place: Path) -> None:
    out = place / "events.jsonl"

    done = ioc(
        "run",
        place / "site.yaml",
        "--model",
        place / "tiny.onnx",
        "--out",
        out,
        "--no-publish",
        "--json",
    )

    assert done.returncode == 0, done.stderr
    events = [decode(line) for line in out.read_bytes().splitlines()]
    assert [event.sequence for event in events if isinstance(event, FlowEvent)] == [0, 1, 2]
    periods = [event.data.period_s for event in events if isinstance(event, FlowEvent)]
    assert periods == [1, 1, 0.4]  # frames at 0.0 … 2.4 s
    assert json.loads(done.stdout) | {"fps": 0} == {
        "frames": 25,
        "fps": 0,
        "lines": {"l": {}},
        "events": {"vn.ioc.flow.v1": 3},
        "failed": 0,
    }


def test_without_a_broker_the_events_wait_in_the_spool_and_it_says_so(place: Path) -> None:
    env = os.environ | {"IOC_MQTT__PORT": "1", "IOC_EDGE__SPOOL_DIR": str(place / "spool")}

    done = ioc(
        "run", place / "site.yaml", "--model", place / "tiny.onnx", "--receipts-s", 0.3, env=env
    )

    assert done.returncode == 1
    assert "3 events have no receipt after 0.3 s (no connection to 127.0.0.1:1)" in done.stderr
    assert any((place / "spool").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "nowhere.mp4"], "nowhere.mp4: no such file"),
        (["--source", "SITE"], "not a video that can be decoded"),
        (["--source", "sim://junction"], "--source: sim://junction"),
        (["--camera", "cam-9"], "no camera 'cam-9'; cameras are cam-1"),
        (["--model", "nowhere.onnx"], "--model nowhere.onnx: neither a file nor a known model"),
        (["--model", "SITE"], "not a usable ONNX file"),
        (["--provider", "tensorrt"], "--provider tensorrt: this onnxruntime"),
        (["--out", "/nowhere/at/all.jsonl"], "--out /nowhere/at/all.jsonl: No such file"),
    ],
)
def test_wrong_use_ends_with_code_2_and_one_line(
    place: Path,
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # In this process, because eight new ones would take ten seconds; so logs stay as they are.
    monkeypatch.setattr("ioc.service.configure_logs", lambda _settings, name: logger(name))
    site = place / "site.yaml"
    given = [str(site) if word == "SITE" else word for word in words]
    if "--model" not in given:
        given += ["--model", str(place / "tiny.onnx")]
    monkeypatch.setattr("sys.argv", ["ioc", "edge", "run", str(site), "--no-publish", *given])

    with pytest.raises(SystemExit) as ended:
        main()

    stderr = capfd.readouterr().err
    assert ended.value.code == 2
    assert said in stderr
    assert len(stderr.strip().splitlines()) == 1, stderr


def test_a_cut_off_file_keeps_what_it_proved_and_ends_with_code_2(place: Path) -> None:
    clip = place / "clip.avi"
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    out = place / "events.jsonl"

    done = ioc(
        "run", place / "site.yaml", "--model", place / "tiny.onnx", "--out", out, "--no-publish"
    )

    assert done.returncode == 2
    assert "cut off or damaged" in done.stderr
    last = decode(out.read_bytes().splitlines()[-1])
    assert isinstance(last, FlowEvent) and last.data.period_s < 1


def test_check_looks_at_a_frame_and_warns_of_another_size(place: Path) -> None:
    write_clip(place / "clip.avi", size=(64, 64))

    done = ioc("check", place / "site.yaml")

    assert done.returncode == 0
    assert "cam-1: 1 lanes, 1 lines, 0 rules; 64x64, 10.00 fps, 25 frames" in done.stdout
    assert "cam-1.frame: 96x64 in the site file, frames are 64x64" in done.stderr
    assert "draw them again" in done.stderr


def test_check_refuses_a_line_that_its_direction_runs_along(place: Path) -> None:
    text = SITE.replace("lane: a}", "lane: a, direction: [[48, 0], [48, 60]]}")

    done = ioc("check", write_site(place, text))

    assert done.returncode == 2
    assert "cameras.cam-1.lines.l.direction: runs along the line" in done.stderr


def test_check_fails_when_a_camera_gives_no_picture(place: Path) -> None:
    text = SITE.replace("source: clip.avi", "source: rtsp://127.0.0.1:9/street")
    (place / "site.yaml").write_text(text, encoding="utf-8")

    done = ioc("check", place / "site.yaml", "--wait-s", 2)

    assert done.returncode == 1
    assert "source not looked at (rtsp://127.0.0.1:9/street" in done.stdout
    assert "valid, but 1 cameras give no picture" in done.stderr

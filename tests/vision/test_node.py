"""A node with several cameras, on files: reload, faults of one camera, the order of events."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest

from ioc.decode import decode
from ioc.errors import ConfigError
from ioc.events import FlowEvent
from ioc.settings import read_settings
from tests.vision.clips import SITE, write_clip, write_model, write_site
from vision.assembly import RunOptions, assembled
from vision.feed import Collector, FileFeed
from vision.source.file import FileSource

SECOND = """
  - id: cam-2
    name: {vi: Máy quay 2, en: Camera 2}
    source: second.avi
    frame: {width: 96, height: 64}
    flow_period_s: 1
    lanes:
      - id: a
        polygon: [[0, 0], [96, 0], [96, 64], [0, 64]]
        direction: [[0, 30], [90, 30]]
    lines:
      - {id: l, ends: [[48, 0], [48, 64]], lane: a}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_site(tmp_path, SITE + SECOND)
    write_clip(tmp_path / "clip.avi", frames=25)
    write_clip(tmp_path / "second.avi", frames=45)
    write_model(tmp_path)
    return tmp_path


def options(place: Path, **changes: object) -> RunOptions:
    given: dict[str, object] = {
        "site_file": place / "site.yaml",
        "model": str(place / "tiny.onnx"),
        "out": place / "events.jsonl",
        "publish": False,
    }
    return RunOptions(**(given | changes))  # type: ignore[arg-type]


def events(place: Path) -> list[FlowEvent]:
    found = [decode(line) for line in (place / "events.jsonl").read_bytes().splitlines()]
    return [event for event in found if isinstance(event, FlowEvent)]


def test_all_cameras_of_a_site_run_and_each_counts_its_own_events(place: Path) -> None:
    with assembled(options(place), read_settings()) as made:
        summary = made.node.run()

    assert summary.frames == 25 + 45
    told = [(event.source[-5:], event.sequence) for event in events(place)]
    assert sorted(told) == [("cam-1", n) for n in range(3)] + [("cam-2", n) for n in range(5)]
    assert set(summary.lane_of) == {"cam-1.l", "cam-2.l"}


def test_a_camera_whose_file_is_cut_off_is_told_and_does_not_stop_the_other(place: Path) -> None:
    whole = (place / "clip.avi").read_bytes()
    (place / "clip.avi").write_bytes(whole[: len(whole) // 2])

    with (
        assembled(options(place), read_settings()) as made,
        pytest.raises(ConfigError, match=r"clip.avi: ended at frame"),
    ):
        made.node.run()

    assert sum(event.source.endswith("cam-2") for event in events(place)) == 5


def test_a_frame_that_breaks_one_camera_does_not_stop_the_node(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vision.pipeline import Pipeline

    judge = Pipeline.judge

    def sometimes(self: Pipeline, frame, *rest):  # type: ignore[no-untyped-def]
        if frame.index == 7 and self.camera.id == "cam-1":
            raise RuntimeError("a rule broke")
        return judge(self, frame, *rest)

    monkeypatch.setattr(Pipeline, "judge", sometimes)
    with assembled(options(place), read_settings()) as made:
        made.node.run()

    assert len(events(place)) == 8


def test_two_runs_agree_in_all_but_ids_and_boot(place: Path) -> None:
    seen = []
    for _ in range(2):
        with assembled(options(place), read_settings()) as made:
            made.node.run()
        lines = [json.loads(line) for line in (place / "events.jsonl").read_text().splitlines()]
        for line in lines:
            del line["id"], line["bootid"]
        seen.append(lines)

    assert seen[0] == seen[1]
    assert seen[0]


def test_a_changed_site_file_is_taken_in_and_the_vehicles_stay(place: Path) -> None:
    with assembled(options(place), read_settings()) as made:
        node = made.node
        before = dict(node._here)
        text = (place / "site.yaml").read_text(encoding="utf-8")
        done = sum(node._round() for _ in range(3))
        trackers = {name: seat.unit.pipeline._tracker for name, seat in before.items() if seat.unit}
        (place / "site.yaml").write_text(text.replace("id: l,", "id: moved,"), encoding="utf-8")
        node._read_again()
        summary = node.run()

        assert {name: s.unit.pipeline._tracker for name, s in before.items() if s.unit} == trackers
    assert set(summary.lane_of) == {"cam-1.moved", "cam-2.moved"}
    assert summary.frames == 25 + 45 - done


def test_a_wrong_site_file_changes_nothing(place: Path) -> None:
    with assembled(options(place), read_settings()) as made:
        made.node._round()
        (place / "site.yaml").write_text("city: nothing", encoding="utf-8")
        made.node._read_again()
        summary = made.node.run()

    assert set(summary.lane_of) == {"cam-1.l", "cam-2.l"}


def test_a_camera_that_left_the_site_file_leaves_the_node(place: Path) -> None:
    with assembled(options(place), read_settings()) as made:
        for _ in range(12):
            made.node._round()
        write_site(place, SITE)
        made.node._read_again()
        made.node.run()

    told = [event.source[-5:] for event in events(place)]
    # 12 frames of a tenth of a second: one whole period and the part that had begun.
    assert told.count("cam-2") == 2
    assert told.count("cam-1") == 3


def test_sighup_and_sigterm_reach_a_running_node(place: Path) -> None:
    write_clip(place / "clip.avi", frames=100_000 // 10)
    log = place / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ioc.cli", "edge", "run", place / "site.yaml"),
                *("--camera", "cam-1", "--model", place / "tiny.onnx", "--no-publish"),
            ],
            stderr=out,
            stdout=out,
            env=os.environ | {"IOC_EVIDENCE__DIR": str(place / "evidence")},
        )
    try:
        _wait_for(log, b"detector warm")
        time.sleep(0.3)
        process.send_signal(signal.SIGHUP)
        _wait_for(log, b"site file read again")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
    assert b"stopped by a signal" in log.read_bytes()


def _wait_for(log: Path, words: bytes) -> None:
    end = time.monotonic() + 20
    while words not in log.read_bytes():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def test_in_real_time_a_file_is_played_no_faster_than_it_was_recorded(place: Path) -> None:
    write_site(place)  # 25 frames at 10 a second: the last one is due after 2.4 s

    with assembled(options(place, real_time=True), read_settings()) as made:
        opened = time.monotonic()
        summary = made.node.run()
    played = time.monotonic() - opened

    assert summary.frames == 25
    assert played >= 2.2


def test_files_go_in_step(place: Path) -> None:
    news = threading.Event()
    feeds = {
        name: FileFeed(FileSource(place / file), news)
        for name, file in (("a", "clip.avi"), ("b", "second.avi"))
    }
    collector = Collector(dict(feeds), news, 0.0, time.monotonic)
    rounds = []
    while batch := collector.round(5):
        rounds.append([(name, frame.index) for name, frame in batch])
    for feed in feeds.values():
        feed.close()

    assert rounds[:25] == [[("a", n), ("b", n)] for n in range(25)]
    assert rounds[25:] == [[("b", n)] for n in range(25, 45)]


def test_prometheus_sees_where_the_time_of_a_frame_goes(place: Path) -> None:
    def count(stage: str) -> float:
        labels = {"camera": "cam-2", "stage": stage}
        return REGISTRY.get_sample_value("ioc_vision_stage_seconds_count", labels) or 0.0

    before = {stage: count(stage) for stage in ("decode", "infer", "track", "rules", "end_to_end")}
    with assembled(options(place), read_settings()) as made:
        made.node.run()
        text = generate_latest(REGISTRY).decode()

    assert {stage: count(stage) - was for stage, was in before.items()} == dict.fromkeys(before, 45)
    assert 'ioc_evidence_pending_sets{device="cam-2"} 0.0' in text


def test_the_service_manager_hears_ready_reload_and_stop(place: Path) -> None:
    write_clip(place / "clip.avi", frames=10_000)
    log = place / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, log.open("wb") as out:
        manager.bind(str(place / "notify"))
        manager.settimeout(20)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ioc.cli", "edge", "run", place / "site.yaml"),
                *("--camera", "cam-1", "--model", place / "tiny.onnx", "--no-publish"),
            ],
            stderr=out,
            stdout=out,
            env=os.environ | {"NOTIFY_SOCKET": str(place / "notify"), "WATCHDOG_USEC": "600000"},
        )
        try:
            assert manager.recv(4096).startswith(b"READY=1")
            assert manager.recv(4096) == b"WATCHDOG=1"
            process.send_signal(signal.SIGHUP)
            heard = [manager.recv(4096)]
            while not heard[-1].startswith(b"READY=1"):
                heard.append(manager.recv(4096))
            assert any(word.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for word in heard)
            process.send_signal(signal.SIGTERM)
            while manager.recv(4096) != b"STOPPING=1":
                pass
            assert process.wait(20) == 0
        finally:
            process.kill()

"""A file that is played in real time is like a camera: nothing comes before its time."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from ioc.clock import utc_now
from simulator.video import write_video
from vision.feed import FileFeed
from vision.source.file import FileSource
from vision.source.frame import Frame

RATE = 10.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pictures = (np.full((48, 64, 3), 40 * number, np.uint8) for number in range(5))
    write_video(path, pictures, 5, RATE)
    return path


def frames_of(feed: FileFeed, news: threading.Event) -> list[Frame]:
    frames: list[Frame] = []
    while not feed.ended:
        frame = feed.take()
        if frame is None:
            news.wait(0.05)
            news.clear()
        else:
            frames.append(frame)
    feed.close()
    return frames


@pytest.mark.parametrize(("early_s", "wait_s"), [(0.8, 0.8), (-60.0, 0.0)])
def test_a_file_begins_at_its_event_time_and_at_once_if_that_is_past(
    clip: Path, early_s: float, wait_s: float
) -> None:
    news = threading.Event()
    begun = time.monotonic()
    source = FileSource(clip, anchor=utc_now() + timedelta(seconds=early_s))
    frames = frames_of(FileFeed(source, news, real_time=True), news)
    assert len(frames) == 5
    for frame in frames:
        # It arrives when it is handed on, not when it was decoded ahead of its time.
        assert frame.arrival_s - begun >= wait_s + frame.pts_s - 0.05
    assert frames[0].arrival_s - begun < wait_s + 5


def test_closing_does_not_wait_for_a_begin_that_is_far_away(clip: Path) -> None:
    source = FileSource(clip, anchor=utc_now() + timedelta(hours=1))
    feed = FileFeed(source, threading.Event(), real_time=True)
    begun = time.monotonic()
    feed.close()
    assert time.monotonic() - begun < 5

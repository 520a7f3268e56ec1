from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ioc.errors import ConfigError
from tests.vision.clips import write_clip
from vision.source.file import FileSource

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def test_every_frame_comes_once_with_its_time(tmp_path: Path) -> None:
    with FileSource(write_clip(tmp_path / "c.avi"), clock=lambda: NOW) as source:
        frames = list(source)

    assert [frame.index for frame in frames] == list(range(25))
    assert [round(frame.pts_s, 3) for frame in frames] == [n / 10 for n in range(25)]
    assert frames[10].wall == NOW + timedelta(seconds=1)
    assert frames[3].picture.bgr().shape == (64, 96, 3)


def test_a_long_file_is_anchored_so_that_its_end_is_not_too_far_ahead(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.avi", frames=400, fps=1)

    with FileSource(path, clock=lambda: NOW) as source:
        assert source.anchor + timedelta(seconds=400) == NOW + timedelta(minutes=4)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()

    for name, said in (
        ("missing.mp4", "no such file"),
        ("text.mp4", "not a video that can be decoded"),
        ("empty.mp4", "not a video that can be decoded"),
        (".", "is a folder"),
    ):
        with pytest.raises(ConfigError, match=said):
            FileSource(tmp_path / name)


def test_a_file_that_was_cut_off_gives_its_frames_and_then_says_so(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "c.avi", frames=60)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    frames = 0
    with FileSource(cut) as source, pytest.raises(ConfigError, match="cut off or damaged"):
        for _frame in source:
            frames += 1

    assert 10 < frames < 50

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import ConfigError
from tests.vision.clips import write_clip
from vision.source.address import live_address, redact
from vision.source.file import FileSource
from vision.source.open import is_live, open_source


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hunter2@10.0.0.5/live: refused",
        "rtsp://admin:hun@ter2@10.0.0.5/live",
        "rtsp://hunter2@10.0.0.5/live",
        "http://10.0.0.5/v?user=admin&password=hunter2&x=1",
        "rtsp://10.0.0.5/user=admin_password=hunter2_channel=1.sdp",
        "http://10.0.0.5/?token=hunter2",
    ],
)
def test_a_password_is_never_shown(text: str) -> None:
    said = redact(text)

    assert "hun" not in said
    assert "10.0.0.5" in said


def test_an_address_shows_itself_without_its_password() -> None:
    address = live_address("rtsp://admin:hunter2@10.0.0.5/live", 5)

    assert address is not None
    assert str(address) == "rtsp://***@10.0.0.5/live"
    assert "hunter2" not in repr(address)
    assert address.url == "rtsp://admin:hunter2@10.0.0.5/live"


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("rtsp://h/a", True),
        ("RTSPS://h/a", True),
        ("https://h/a.mjpg", True),
        ("0", True),
        ("/dev/video2", True),
        ("clip.mp4", False),
        ("file:///a/clip.mp4", False),
        ("a:b.mp4", False),
    ],
)
def test_a_source_is_told_by_its_beginning(source: str, live: bool) -> None:
    assert is_live(source) is live


def test_a_device_is_opened_as_jpeg_first() -> None:
    address = live_address("3", 5)

    assert address is not None
    assert (address.url, address.format) == ("/dev/video3", "v4l2")
    assert address.options == ({"input_format": "mjpeg"}, {})


@pytest.mark.parametrize("source", ["sim://junction", "udp://a:pw@1.2.3.4", "ftp://h/a", " "])
def test_what_cannot_be_read_is_refused_with_what_can(source: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_source(source)

    if source.strip():
        assert "rtsp://…" in str(refused.value)
    assert "pw" not in str(refused.value)


def test_a_file_lies_beside_the_site_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "c.avi", frames=3)

    for source in ("c.avi", f"file://{tmp_path}/c.avi"):
        opened = open_source(source, tmp_path)
        assert isinstance(opened, FileSource)
        with opened:
            assert len(list(opened)) == 3

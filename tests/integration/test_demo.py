"""``ioc demo``: the whole system in one command."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest

from tests.integration.conftest import Ioc

FLAGGED = re.compile(r"^ *\d\d:\d\d:\d\d .* (\d\d-[a-z_]+\.mp4) *$", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(400)  # a minute and a half on two free cores
def test_the_demo_loses_nothing_flags_from_pictures_and_says_how_well(
    ioc: Ioc, server_folder: Path
) -> None:
    folder = server_folder / "demo"
    done = ioc("demo", "--for", "45s", "--dir", str(folder), timeout_s=330)
    out = done.stdout.decode()
    assert done.returncode == 0, out + done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    figures = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"/ ([a-z ]+?) +([\d,]+)(?: |$)", out, re.MULTILINE)
    }
    assert figures["lost"] == 0
    assert figures["stored twice"] == figures["misjudged"] == figures["still in spools"] == 0
    assert figures["minted"] == figures["stored"] > 30
    assert figures["set aside"] == figures["bad input sent"] >= 20
    assert "balanced: every event is accounted for" in out

    # Cameras of both junctions; each rule has its row in the table of accuracy.
    assert "vithanh/tran-hung-dao/cam-1" in out and "ngabay/hung-vuong/cam-1" in out
    assert re.search(r"Vượt đèn đỏ / Red light +\d+ +\d+ +\d+ +\d+ ", out)
    assert re.search(r"Chạy quá tốc độ / Speeding +\d+ +\d+ +\d+ +\d+ ", out)

    # Every violation of the list has a clip that plays and a set that verifies.
    clips = [folder / "violations" / name for name in FLAGGED.findall(out)]
    assert clips
    for clip in clips:
        with av.open(str(clip)) as container:
            assert sum(1 for _ in container.decode(video=0)) > 12, clip
    assert re.search(rf"^{len(clips)} / {len(clips)} đoạn hình xem được", out, re.MULTILINE)
    assert re.search(r"^\d+ bộ, \d+ tệp đã kiểm tra: 0 lỗi", out, re.MULTILINE)


def test_a_length_that_is_too_short_is_wrong_use(ioc: Ioc) -> None:
    done = ioc("demo", "--for", "1s")
    assert done.returncode == 2
    assert done.stderr.decode() == "ioc: --for '1s': give at least 5s and at most 24h\n"


def test_a_folder_without_clips_is_told_before_anything_is_started(
    ioc: Ioc, tmp_path: Path
) -> None:
    done = ioc("demo", "--for", "5s", "--clips", str(tmp_path))
    assert done.returncode == 2
    assert b"no clip (*.truth.json) in this folder; render clips" in done.stderr
    assert b"MQTT" not in done.stdout

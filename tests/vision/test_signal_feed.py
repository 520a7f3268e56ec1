from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from edge.publisher import Publisher
from ioc.clock import utc_now
from ioc.decode import ContractError
from ioc.errors import ConfigError
from ioc.events import SignalData, SignalEvent, StatusData, StatusEvent, encode
from ioc.ids import uuid7
from ioc.local import LocalStack
from ioc.settings import read_settings
from ioc.site import Site, load_site
from tests.vision.clips import SITE, write_site
from vision.signal_feed import PhaseChange, SignalFeed, SignalReader, read_signals

NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
WITH_SIGNAL = (
    SITE
    + """
signals:
  - {id: signal-1, name: {vi: Tủ đèn, en: Controller}, heads: [head-1, head-2]}
"""
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return load_site(write_site(tmp_path, WITH_SIGNAL))


def phase(head: str, light: str, at: datetime, device: str = "signal-1") -> bytes:
    return encode(
        SignalEvent(
            specversion="1.0",
            id=uuid7(at),
            source=f"/hau-giang/test/{device}",
            time=at,
            bootid=uuid4(),
            sequence=0,
            data=SignalData(head=head, phase=light, since=at),  # type: ignore[arg-type]
        )
    )


def offline(at: datetime) -> bytes:
    return encode(
        StatusEvent(
            specversion="1.0",
            id=uuid7(at),
            source="/hau-giang/test/signal-1",
            time=at,
            bootid=uuid4(),
            data=StatusData(state="offline"),
        )
    )


def test_a_change_of_light_is_told_and_a_foreign_one_is_not(site: Site) -> None:
    reader = SignalReader(site)
    assert reader.read(phase("head-1", "red", NOON), NOON) == [PhaseChange("head-1", "red", NOON)]
    assert reader.read(phase("head-9", "red", NOON), NOON) == []
    assert reader.read(phase("head-1", "red", NOON, device="elsewhere"), NOON) == []


def test_the_lights_of_a_controller_that_goes_are_unknown(site: Site) -> None:
    later = NOON + timedelta(seconds=9)
    assert SignalReader(site).read(offline(NOON), later) == [
        PhaseChange("head-1", "unknown", later),
        PhaseChange("head-2", "unknown", later),
    ]


def test_what_breaks_the_contract_is_refused(site: Site) -> None:
    with pytest.raises(ContractError):
        SignalReader(site).read(phase("head-1", "red", NOON)[:-5], NOON)


def test_a_recording_is_read_in_the_order_of_time(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "signals.jsonl"
    lines = [phase("head-1", "green", NOON + timedelta(seconds=5)), phase("head-1", "red", NOON)]
    file.write_bytes(b"\n".join(lines) + b"\n\n")
    assert [change.phase for change in read_signals(file, site)] == ["red", "green"]


def test_a_broken_recording_names_the_line(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "signals.jsonl"
    file.write_bytes(phase("head-1", "red", NOON) + b"\n{}\n")
    with pytest.raises(ConfigError, match="line 2"):
        read_signals(file, site)
    with pytest.raises(ConfigError, match="No such file"):
        read_signals(tmp_path / "nothing", site)


def test_a_camera_hears_the_present_light_and_every_change(
    site: Site, stack_env: LocalStack, tmp_path: Path
) -> None:
    settings = read_settings()
    path = site.path("signal-1")
    edge = settings.edge.model_copy(update={"spool_dir": tmp_path / "spool"})
    controller = Publisher(path, settings.mqtt, edge)
    controller.start()
    feed = SignalFeed(site, settings.mqtt)
    queue = feed.queue()
    try:
        now = utc_now()
        controller.publish(SignalData(head="head-1", phase="red", since=now))
        feed.start()
        _wait_for(lambda: [change.phase for change in queue] == ["red"])
        controller.publish(SignalData(head="head-1", phase="green", since=now))
        _wait_for(lambda: [change.phase for change in queue] == ["red", "green"])
        assert [change.phase for change in feed.queue()] == ["green"]
    finally:
        feed.stop()
        controller.stop()


def _wait_for(done: Callable[[], bool], limit_s: float = 15) -> None:
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)

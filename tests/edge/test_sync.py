"""An event whose id follows from what it says, and the promise that a power cut takes nothing."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from edge.publisher import Publisher, PublisherStoppedError
from edge.spool_file import SpoolFile
from ioc.clock import utc_now
from ioc.decode import ContractError
from ioc.events import ReadingData
from ioc.ids import content_uuid8, derived_uuid7
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import device_path

PATH = device_path("vithanh", "hanh-chinh", "lgsp")
DATA = ReadingData(quantity="gov.late_files", value=1, unit="1")


def publisher(folder: Path) -> Publisher:
    return Publisher(PATH, MqttSettings(port=1), EdgeSettings(spool_dir=folder))


def test_an_id_of_ones_own_is_kept_and_numbers_go_on(tmp_path: Path) -> None:
    one, at = publisher(tmp_path), utc_now()
    one.start()
    own = derived_uuid7(at, "lgsp", "1")
    events = [one.publish(DATA, time=at, event_id=own) for _ in range(2)]
    assert [event.id for event in events] == [own, own]
    assert [event.sequence for event in events] == [0, 1]
    assert one.publish(DATA).id != own
    one.stop(timeout_s=1)


def test_an_id_that_the_core_would_refuse_burns_no_number(tmp_path: Path) -> None:
    one = publisher(tmp_path)
    one.start()
    with pytest.raises(ContractError, match="version 7"):
        one.publish(DATA, event_id=content_uuid8(b"x"))
    assert one.publish(DATA).sequence == 0
    one.stop(timeout_s=1)


def test_sync_works_from_start_to_stop(tmp_path: Path) -> None:
    one = publisher(tmp_path)
    with pytest.raises(PublisherStoppedError):
        one.sync()
    one.start()
    one.sync()
    one.stop(timeout_s=1)
    with pytest.raises(PublisherStoppedError):
        one.sync()


def test_who_syncs_second_waits_for_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SpoolFile(tmp_path / "x.sqlite", max_bytes=1 << 20, clock=utc_now)
    begun, done = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        begun.set()
        time.sleep(0.3)
        done.set()

    file.unsynced = True
    monkeypatch.setattr(os, "fsync", slow)
    first = threading.Thread(target=file.sync)
    first.start()
    assert begun.wait(5)
    file.sync()
    assert done.is_set()
    first.join()
    monkeypatch.undo()
    file.close()

"""The clips of the demo, its cast and what it reads of its nodes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from edge.spool import Spool
from ioc.clock import utc_now
from ioc.decode import decode
from ioc.errors import ConfigError
from ioc.events import HealthData, HealthEvent, SignalEvent, ViolationData
from ioc.ids import derived_uuid7
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import load_sites, sites_folder
from measure.camera_node import summary_in, waiting_in
from measure.cast import PlayedSignals, cast_of
from measure.footage import footage_of, read_footage
from simulator.conditions import Conditions
from simulator.devices.indicators import ADAPTER
from simulator.places import PLACES
from simulator.traffic.signal_plan import SignalPlan
from simulator.truth.files import write_truth
from simulator.truth.record import START, BoxTable, Change, PartTable, Truth
from simulator.truth.site_file import site_of

SEEN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def write_clip(folder: Path, place_id: str = "vithanh/tran-hung-dao", name: str = "clip") -> None:
    """A clip of ten seconds in which nobody is to be seen."""
    place = PLACES[place_id]
    none = np.empty(0, np.int64)
    pairs = np.empty((0, 4))
    plan = SignalPlan(place, 0.0)
    heads = tuple(head.id for head in place.heads)
    changes = tuple(Change(head, 0.0, plan.phase(head, 0.0)) for head in heads)
    later = tuple(Change(head, 5.0, plan.phase(head, 21.0)) for head in heads)
    truth = Truth(
        place=place.id, camera=place.mounts[0].id, seed=1,
        conditions=Conditions("day", "clear", "normal"), rate=12.5, frames=125, width=1920,
        height=1080, start=START, heads=heads, changes=changes + later, vehicles=(), acts=(),
        intents=(), passages=(), counts=(), plates=(),
        boxes=BoxTable(none, none, pairs, np.empty(0), np.empty(0)),
        parts=PartTable(none, none, none, pairs, np.empty(0), np.empty(0), np.empty((0, 8)), none,
                        ()),
    )  # fmt: skip
    write_truth(folder, name, truth, place)
    (folder / f"{name}.mp4").write_bytes(b"not looked at here")
    (folder / f"{name}.boxes.txt").unlink()
    (folder / f"{name}.parts.csv").unlink()


def test_the_lights_are_those_of_the_clip_from_the_instant_on_at_which_it_is_seen(
    tmp_path: Path,
) -> None:
    write_clip(tmp_path)
    (clip,) = footage_of(tmp_path)
    assert clip.camera == ("vithanh", "tran-hung-dao", "cam-1")
    assert clip.seconds == 10
    shown = {
        (event.data.head, event.data.since): event.data.phase for event in clip.changes_from(SEEN)
    }
    assert shown["head-s", SEEN] == "green"
    assert shown["head-s", SEEN + timedelta(seconds=5)] == "yellow"
    assert shown["head-w", SEEN] == "red"
    clip.write_signals(tmp_path / "signals.jsonl", SEEN)
    lines = [decode(line) for line in (tmp_path / "signals.jsonl").read_bytes().splitlines()]
    assert [event for event in lines if isinstance(event, SignalEvent)] == list(
        clip.changes_from(SEEN)
    )


def test_a_place_without_signals_has_no_controller(tmp_path: Path) -> None:
    write_clip(tmp_path, "ngabay/hung-vuong")
    assert read_footage(tmp_path / "clip").controller is None


def test_what_is_missing_is_named_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no clip .* in this folder; render clips"):
        footage_of(tmp_path)
    write_clip(tmp_path)
    write_clip(tmp_path, name="again")
    with pytest.raises(ConfigError, match="two clips of vithanh/tran-hung-dao/cam-1"):
        footage_of(tmp_path)
    (tmp_path / "again.mp4").unlink()
    with pytest.raises(ConfigError, match=r"again\.mp4: no such file"):
        footage_of(tmp_path)
    (tmp_path / "clip.truth.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"clip\.truth\.json"):
        read_footage(tmp_path / "clip")


def test_nobody_in_the_cast_flags_anybody_and_the_nodes_cameras_are_not_in_it(
    tmp_path: Path,
) -> None:
    write_clip(tmp_path)
    (clip,) = footage_of(tmp_path)
    assert clip.controller is not None
    sites = load_sites(sites_folder())
    cast = cast_of(
        sites, [clip.camera], {clip.controller: clip.changes_from(SEEN)}, MqttSettings(),
        EdgeSettings(spool_dir=tmp_path / "spool"), SEEN,
    )  # fmt: skip
    paths = {device.path for device in cast}
    everybody = {site.path(device) for site in sites for device in site.devices}
    assert paths == everybody - {clip.camera} | {ADAPTER}
    said = [
        payload
        for device in cast
        for second in range(0, 600, 10)
        for _, payload in device.behaviour.due(SEEN + timedelta(seconds=second))
    ]
    assert len(said) > 500
    assert not any(isinstance(payload, ViolationData) for payload in said)


def test_a_played_controller_says_each_change_once_when_it_is_due(tmp_path: Path) -> None:
    write_clip(tmp_path)
    (clip,) = footage_of(tmp_path)
    controller = PlayedSignals(clip.changes_from(SEEN), SEEN - timedelta(seconds=3))
    assert list(controller.due(SEEN - timedelta(seconds=1))) == []
    first = list(controller.due(SEEN))
    assert [at for at, _ in first] == [SEEN] * 4
    later = list(controller.due(SEEN + timedelta(seconds=30)))
    assert sum(not isinstance(payload, HealthData) for _, payload in later) == 4


def test_the_delivered_places_have_the_camera_that_their_site_files_have() -> None:
    for site in load_sites(sites_folder()):
        assert site_of(PLACES[f"{site.city}/{site.site}"]).cameras[0].id == site.cameras[0].id


def test_the_summary_is_this_runs_and_not_an_earlier_one(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text('{"frames": 5, "fps": 1.0, "lines": {}, "events": {}, "failed": 0}\n')
    start = log.stat().st_size
    assert summary_in(log, start) is None
    with log.open("a") as file:
        file.write('{"event": "progress"}\n')
        file.write(json.dumps({"frames": 125, "fps": 12.5, "events": {}, "failed": 2}) + "\n")
    assert (summary_in(log, start) or {})["failed"] == 2
    assert summary_in(tmp_path / "none.log") is None


def test_what_waits_in_a_spool_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    assert waiting_in(file) == 0
    boot = derived_uuid7(SEEN, "boot")
    spool = Spool(file, boot, budget_bytes=2**20, clock=utc_now)

    for _ in range(2):
        spool.append(lambda sequence: health(boot, sequence))
    spool.close()
    assert waiting_in(file) == 2


def health(boot: UUID, sequence: int) -> HealthEvent:
    return HealthEvent(
        specversion="1.0",
        id=derived_uuid7(SEEN, str(sequence)),
        source="/vithanh/tran-hung-dao/cam-1",
        time=SEEN,
        bootid=boot,
        sequence=sequence,
        data=HealthData(uptime_s=1.0),
    )

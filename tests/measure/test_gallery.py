"""The evidence of a demo: checked, and put where people find it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from edge.evidence_files import object_path
from edge.evidence_store import store_folder
from ioc.errors import ConfigError
from measure import gallery
from measure.judgement import Reported
from simulator.truth.record import START
from tests.vision.evidence.sets import PATH, build


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Reported]:
    """Evidence of one violation: the stores, the keys, the violation."""
    folder = tmp_path_factory.mktemp("evidence")
    stores, keys = folder / "evidence", folder / "keys"
    made = build(store_folder(stores, PATH), keys)
    plate = "95-B1 123.45"
    report = Reported(UUID(int=1), PATH, "red_light", "motorcycle", START, "in-1", plate, made.refs)
    return stores, keys, report


def test_a_clip_is_hung_under_a_name_that_says_what_it_is(
    world: tuple[Path, Path, Reported], tmp_path: Path
) -> None:
    stores, keys, report = world
    hung = gallery.hang(tmp_path / "clips", [report], stores, keys)
    (one,) = hung.exhibits
    assert one.playable
    assert one.clip == tmp_path / "clips" / "01-red_light.mp4"
    assert (tmp_path / "clips" / "01-red_light-at.jpg").is_file()
    assert (hung.sets, hung.kinds, hung.faults) == (1, 1, [])
    assert hung.files > 3


def test_what_an_earlier_run_left_is_removed(
    world: tuple[Path, Path, Reported], tmp_path: Path
) -> None:
    stores, keys, _ = world
    old = tmp_path / "clips" / "07-wrong_way.mp4"
    old.parent.mkdir()
    old.write_bytes(b"old")
    gallery.hang(old.parent, [], stores, keys)
    assert not old.exists()


def test_a_changed_and_a_missing_file_are_faults(
    world: tuple[Path, Path, Reported], tmp_path: Path
) -> None:
    _, keys, report = world
    mine = tmp_path / "evidence"
    build(store_folder(mine, PATH), keys)
    clip = report.file("clip")
    at = report.file("at")
    assert clip is not None and at is not None
    place = object_path(store_folder(mine, PATH), clip.sha256)
    place.chmod(0o600)
    place.write_bytes(b"no video at all")
    object_path(store_folder(mine, PATH), at.sha256).unlink()
    hung = gallery.hang(tmp_path / "clips", [report], mine, keys)
    assert not hung.exhibits[0].playable
    assert hung.kinds == 0
    told = "\n".join(hung.faults)
    assert "01-red_light.mp4: does not play" in told
    assert f"its at is not in {store_folder(mine, PATH)}" in told


def test_nothing_recorded_is_no_fault(tmp_path: Path) -> None:
    hung = gallery.hang(tmp_path / "clips", [], tmp_path / "evidence", tmp_path / "keys")
    assert (hung.sets, hung.exhibits, hung.faults) == (0, [], [])


def test_a_folder_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "somebodys"
    target.mkdir()
    (target / "file").touch()
    (tmp_path / "clips").symlink_to(target)
    with pytest.raises(ConfigError, match="is not yours"):
        gallery.clear(tmp_path / "clips")
    assert (target / "file").exists()

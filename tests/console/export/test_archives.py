"""Archives made to harm."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.export import verify_script as script
from tests.console.export.intact import Exported, flipped, resigned, run


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_flipped_bit_of_the_archive_is_found_or_changes_no_file(
    exported: Exported, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = exported.archive.read_bytes()
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    path = tmp_path_factory.getbasetemp() / "flipped.zip"
    path.write_bytes(flipped(content, bit))
    code, said = run(path)
    if code == 0:
        with zipfile.ZipFile(path) as archive:
            for name in exported.files:
                assert archive.read(name) == (exported.folder / name).read_bytes(), said
    else:
        assert code == 1


def repacked(exported: Exported, path: Path, *more: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in exported.files:
            archive.write(exported.folder / name, name)
        for entry, data in more:
            archive.writestr(entry, data)
    return path


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/passwd", "a/../../b", "C:\\x", "a\\b", "evidence//x", "./x", "a/./b",
     "x" * 101, "a/b/c/d/e", "\x1b[2J", "keys/.hidden", "tên", "a b"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(
    exported: Exported, tmp_path: Path, name: str
) -> None:
    path = repacked(exported, tmp_path / "x.zip", (zipfile.ZipInfo(name), b"x"))
    code, said = run(path)
    assert code == 1
    assert "not a name of ours" in said
    assert "\x1b" not in said
    assert [one.name for one in tmp_path.iterdir()] == ["x.zip"]


def test_bombs_are_refused_before_they_are_read(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipfile.ZipInfo("evidence/bomb.mp4")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    path = repacked(exported, tmp_path / "x.zip", (bomb, bytes(2**24)))
    assert path.stat().st_size < 2**20
    assert run(path)[0] == 1  # it is not listed
    for limit, most in (("MOST_BYTES", 2**20), ("MOST_IN_ALL", 2**20), ("MOST_FILES", 5)):
        with monkeypatch.context() as patch:
            patch.setattr(script, limit, most)
            code, said = run(path)
            assert code == 1
            assert "too many or too large" in said
    with monkeypatch.context() as patch:
        patch.setattr(script, "MOST_JSON", 100)
        assert "too large" in run(exported.archive)[1]


def test_an_archive_that_lies_about_a_size_is_refused(exported: Exported, tmp_path: Path) -> None:
    """The directory says few bytes, the packed bytes are many."""
    content = repacked(exported, tmp_path / "x.zip").read_bytes()
    size = (exported.folder / "HUONG_DAN.txt").stat().st_size
    assert content.count(size.to_bytes(4, "little")) == 2
    (tmp_path / "x.zip").write_bytes(
        content.replace(size.to_bytes(4, "little"), (size - 100).to_bytes(4, "little"))
    )
    assert run(tmp_path / "x.zip")[0] == 1


def test_links_and_doubles_in_an_archive_are_refused(exported: Exported, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("evidence/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert run(repacked(exported, tmp_path / "a.zip", (link, b"/etc/passwd")))[0] == 1
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = repacked(exported, tmp_path / "b.zip", (zipfile.ZipInfo("record.pdf"), b"x"))
    code, said = run(twice)
    assert code == 1
    assert "is there twice" in said


def test_nothing_a_terminal_obeys_is_printed(exported: Exported, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], folder: Path) -> None:
        manifest["case"]["number"] = "\x1b]0;owned\x07"
        manifest["violations"][0]["signature_fault"] = "\x1b[2J"

    _, said = run(resigned(exported, tmp_path / "x", change))
    assert "\x1b" not in said
    assert "\x07" not in said

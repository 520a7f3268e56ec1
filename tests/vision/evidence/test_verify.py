"""Whatever is changed in evidence is found, and the file is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ioc.cli import app
from ioc.identity import DeviceKey, Trust, key_file
from ioc.manifest import read_manifest, seal, sign_violation, verify_violation
from ioc.topics import device_path
from tests.vision.evidence.sets import PATH, build, export, key_of
from tests.vision.evidence.streams import violation
from vision.evidence.verify import verify

NAMES = ("after.jpg", "at.jpg", "before.jpg", "clip.mp4", "manifest.json", "plate.png", "proxy.mp4")


class Set:
    """An exported set and its store, of which copies are spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys, self.store = folder / "set", folder / "keys", folder / "store"
        export(self.store, build(self.store, self.keys), self.folder)
        self.trust = Trust.load(self.keys)
        self.files = {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Set:
    return Set(tmp_path_factory.mktemp("set"))


@pytest.fixture
def copy(whole: Set, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole.folder, tmp_path / "copy"))


def faults(path: Path, trust: Trust) -> list[str]:
    return [str(fault) for fault in verify(path, trust).faults]


def test_a_whole_set_has_no_fault(whole: Set) -> None:
    assert sorted(whole.files) == sorted(NAMES)
    for path in (whole.folder, whole.folder / "manifest.json", whole.store, whole.store.parent):
        report = verify(path, whole.trust)
        assert not report.faults
        assert report.files >= 6


@given(st.sampled_from(NAMES), st.data())
def test_any_flipped_bit_is_found(whole: Set, name: str, data: st.DataObject) -> None:
    content = bytearray(whole.files[name])
    place = data.draw(st.integers(0, len(content) * 8 - 1))
    content[place // 8] ^= 1 << place % 8
    path = whole.folder / name
    path.write_bytes(content)
    try:
        found = faults(whole.folder, whole.trust)
    finally:
        path.write_bytes(whole.files[name])
    assert found
    assert all(str(whole.folder / name) in line for line in found)


def test_every_bit_of_a_manifest_counts(whole: Set) -> None:
    data = whole.files["manifest.json"]
    for place in range(0, len(data) * 8):
        spoilt = bytearray(data)
        spoilt[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match=r"manifest|changed|names"):
            read_manifest(bytes(spoilt))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["cut", "grown", "empty", "gone"])
def test_a_file_of_another_length_or_none_is_found(
    name: str, how: str, whole: Set, copy: Path
) -> None:
    path = copy / name
    data = whole.files[name]
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:-1], "grown": data + b"\n", "empty": b""}[how])
    (found,) = faults(copy, whole.trust)
    assert found.startswith(f"{path}: ")
    if how == "gone":
        assert "missing" in found


def test_two_files_in_each_others_place_are_found(whole: Set, copy: Path) -> None:
    (copy / "at.jpg").write_bytes(whole.files["after.jpg"])
    (copy / "after.jpg").write_bytes(whole.files["at.jpg"])
    assert len(faults(copy, whole.trust)) == 2


def test_a_file_that_is_not_listed_is_found(whole: Set, copy: Path) -> None:
    (copy / "more.jpg").write_bytes(b"x")
    assert faults(copy, whole.trust) == [f"{copy}/more.jpg: is not listed in the manifest"]


def test_a_set_signed_again_by_a_stranger_is_found(whole: Set, copy: Path, tmp_path: Path) -> None:
    stranger = DeviceKey.load_or_create(tmp_path / "stranger.pem")
    from msgspec.structs import replace

    manifest = read_manifest(whole.files["manifest.json"]).manifest
    forged = replace(manifest, track=99, key=stranger.id)
    (copy / "manifest.json").write_bytes(seal(forged, stranger))
    (found,) = faults(copy, whole.trust)
    assert f"signed with key {stranger.id}, which nobody vouches for" in found


def test_a_key_speaks_for_its_own_device_only(whole: Set, tmp_path: Path) -> None:
    other = device_path("vithanh", "tran-hung-dao", "cam-2")
    key_of(tmp_path)  # some other key of cam-1
    shutil.copy(key_file(whole.keys, PATH), key_file(tmp_path, other))
    (found,) = faults(whole.folder, Trust.load(tmp_path))
    assert f"which belongs to {other.source}" in found


def test_another_key_in_the_manifest_than_the_signers_is_found(whole: Set, copy: Path) -> None:
    document = json.loads(whole.files["manifest.json"])
    document["extra"] = 1
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    (copy / "manifest.json").write_text(text)
    (found,) = faults(copy, whole.trust)
    assert "extra" in found


def test_every_file_of_a_store_counts(whole: Set, tmp_path: Path) -> None:
    store = Path(shutil.copytree(whole.store, tmp_path / "store"))
    for path in sorted(store.glob("objects/*/*")):
        data = path.read_bytes()
        path.write_bytes(data[:10] + bytes([data[10] ^ 4]) + data[11:])
        (found,) = faults(store, whole.trust)
        assert found.startswith(f"{path}: changed")
        path.unlink()
        (found,) = faults(store, whole.trust)
        assert found.startswith(f"{path}: missing")
        path.write_bytes(data)
    (store / "index.sqlite").write_bytes(b"x" * 5000)
    (found,) = faults(store, whole.trust)
    assert found.startswith(f"{store}/index.sqlite: ")


def test_the_command_says_it_in_its_exit_code(whole: Set, copy: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["evidence", "verify", *map(str, arguments)])
        return (
            2
            if result.exception
            and result.exit_code == 1
            and not isinstance(result.exception, SystemExit)
            else result.exit_code
        ), result.output

    public = tmp_path / "pub.pem"
    public.write_text(key_of(whole.keys).public_pem())
    assert run(copy, "--key", public)[0] == 0
    assert run(copy, "--key", whole.keys)[0] == 0
    (copy / "at.jpg").unlink()
    code, output = run(copy, whole.store, "--key", public, "--json")
    assert code == 1
    document = json.loads(output)
    assert (document["ok"], document["sets"]) == (False, 2)
    assert [fault["file"] for fault in document["faults"]] == [f"{copy}/at.jpg"]
    assert run(tmp_path / "nowhere", "--key", public)[0] == 2
    assert run(copy, "--key", copy / "clip.mp4")[0] == 2
    assert run(copy)[0] == 2, "no key at all: nothing would be proved"


@given(st.sampled_from(["rule", "track", "vehicle", "confidence", "lane", "reasons"]))
def test_a_violation_is_signed_with_everything_in_it(whole: Set, name: str) -> None:
    from msgspec.structs import replace

    key = key_of(whole.keys)
    signed = sign_violation(violation(), key)
    assert verify_violation(signed, key.public)
    changed = {
        "rule": "stop_line",
        "track": 8,
        "vehicle": "car",
        "confidence": 0.76,
        "lane": "lane-1",
        "reasons": ("x",),
    }
    assert not verify_violation(replace(signed, **{name: changed[name]}), key.public)
    assert not verify_violation(violation(), key.public)
    assert signed.signature is not None
    spelt = replace(signed, signature=signed.signature.upper())
    assert not verify_violation(spelt, key.public)


def test_a_signed_violation_survives_the_wire(whole: Set) -> None:
    import msgspec

    from ioc.events import ViolationData

    key = key_of(whole.keys)
    sent = msgspec.json.encode(sign_violation(violation(speed_kmh=61.1), key))
    assert verify_violation(msgspec.json.decode(sent, type=ViolationData), key.public)

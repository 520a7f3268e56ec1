"""From a name to a proven file in the model folder."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ioc.errors import ConfigError
from models.download import Fetcher, Limits
from models.lock import LOCK_FILE, load_lock
from models.manifest import Manifest, load_manifest
from models.part import held_part, path_of
from models.pull import Pulled, locations, pull
from models.registry import resolve
from tests.models.file_server import Answer, serving
from tests.models.onnx_file import constant_model

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def model_bytes(folder: Path, value: float = 0.0) -> bytes:
    path = constant_model(folder / "made", (1, 3, 32, 32), np.full((1, 21, 85), value, np.float32))
    content = path.read_bytes()
    path.unlink()
    return content


def manifest_of(sources: list[str], **more: Any) -> Manifest:
    known = load_manifest().model_dump()
    manifest = Manifest.model_validate({"contracts": known["contracts"]})
    entry = {"contract": "yolox-coco", "file": "m.onnx", "licence": "Apache-2.0", "origin": "test"}
    made = Manifest.model_validate(
        {"contracts": known["contracts"], "models": {"m": entry | more}}
    ).models["m"]
    # The schema wants https; the servers of these tests have no certificates.
    return manifest.model_copy(
        update={"models": {"m": made.model_copy(update={"sources": tuple(sources)})}}
    )


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def get(manifest: Manifest, folder: Path, **more: Any) -> Pulled:
    fetcher = Fetcher(Limits(tries=2), sleep=lambda s: None)
    try:
        return pull("m", manifest, folder, fetcher, now=lambda: NOW, **more)
    finally:
        fetcher.close()


def test_a_file_with_the_right_digest_gets_its_name(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as server:
        manifest = manifest_of([f"{server.url}/m.onnx"], sha256=sha(content), size=len(content))

        found = get(manifest, tmp_path)
        again = get(manifest, tmp_path)

    assert (found.state, found.path, found.proof) == ("pulled", tmp_path / "m.onnx", "manifest")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    assert again.state == "present"
    assert len(server.asked) == 1
    assert resolve("m", manifest, tmp_path).sha256 == sha(content)


def test_a_file_with_another_digest_never_gets_the_name(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(model_bytes(tmp_path, 1.0)) as server:
        manifest = manifest_of([f"{server.url}/m.onnx"], sha256=sha(content), size=len(content))

        found = get(manifest, tmp_path)

    assert found.state == "failed"
    (fault,) = found.faults
    assert fault.startswith(f"{server.url}/m.onnx: another file (")
    assert sha(content) in fault
    assert not (tmp_path / "m.onnx").exists()
    assert path_of(tmp_path / "m.onnx").stat().st_size == 0


def test_a_good_file_stays_when_a_new_one_is_wrong(tmp_path: Path) -> None:
    """An altered file is fetched anew; until the new one is proven the old one keeps its name."""
    content = model_bytes(tmp_path)
    (tmp_path / "m.onnx").write_bytes(b"altered")
    with serving(model_bytes(tmp_path, 1.0)) as server:
        manifest = manifest_of([f"{server.url}/m.onnx"], sha256=sha(content))
        assert get(manifest, tmp_path).state == "failed"
        assert (tmp_path / "m.onnx").read_bytes() == b"altered"

        server.body = content
        assert get(manifest, tmp_path).state == "pulled"
        assert (tmp_path / "m.onnx").read_bytes() == content


def test_a_part_that_was_spoilt_is_fetched_anew_by_the_same_call(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    path_of(tmp_path / "m.onnx").write_bytes(b"\0" * 500)  # as a power cut may leave it
    with serving(content) as server:
        manifest = manifest_of([f"{server.url}/m.onnx"], sha256=sha(content), size=len(content))

        assert get(manifest, tmp_path).state == "pulled"
        assert server.ranges_asked() == [500, None]


def test_a_mirror_is_asked_first_and_its_fault_is_told(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as origin, serving(content) as mirror:
        manifest = manifest_of([f"{origin.url}/deep/x"], sha256=sha(content), size=len(content))

        good = get(manifest, tmp_path, mirrors=[f"{mirror.url}/store/"])
        (tmp_path / "m.onnx").unlink()
        mirror.usual = Answer(status=404)
        bad = get(manifest, tmp_path, mirrors=[f"{mirror.url}/store"])

    assert good.source == f"{mirror.url}/store/m.onnx"
    assert mirror.paths == ["/store/m.onnx", "/store/m.onnx"]
    assert bad.source == f"{origin.url}/deep/x"
    assert bad.faults == (f"{mirror.url}/store/m.onnx: 404 Not Found: no such file there",)


def test_a_password_of_a_mirror_is_used_and_never_written(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as server:
        server.script = [Answer(cut=1000), Answer(status=404)]
        manifest = manifest_of([], sha256=sha(content), size=len(content))
        mirror = server.url.replace("://", "://clerk:geheim@")

        failed = get(manifest, tmp_path, mirrors=[mirror])
        written = [path.read_bytes() for path in tmp_path.iterdir()]
        found = get(manifest, tmp_path, mirrors=[mirror])

    assert all(asked["authorization"].startswith("Basic ") for asked in server.asked)
    assert server.ranges_asked() == [None, 1000, 1000]
    assert server.asked[2]["if-range"] == '"one"'
    assert found.source == f"{server.url}/m.onnx"
    assert "geheim" not in repr((failed, found))
    assert not any(b"geheim" in content for content in written)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_such_as_a_stick_is_a_mirror(tmp_path: Path, form: str) -> None:
    content = model_bytes(tmp_path)
    stick = tmp_path / "a stick"
    stick.mkdir()
    (stick / "m.onnx").write_bytes(content)
    manifest = manifest_of([], sha256=sha(content), size=len(content))
    mirror = form.format(str(stick).replace(" ", "%20") if "://" in form else stick)

    found = get(manifest, tmp_path / "models", mirrors=[mirror])

    assert (found.state, found.source) == ("pulled", str(stick / "m.onnx"))


def test_an_empty_stick_and_no_address_is_one_line(tmp_path: Path) -> None:
    manifest = manifest_of([], sha256="0" * 64)

    found = get(manifest, tmp_path, mirrors=[str(tmp_path / "stick")])

    assert found.faults == (f"{tmp_path}/stick/m.onnx: no such file there",)
    assert "--mirror" in get(manifest, tmp_path).faults[0]


def test_a_mirror_of_an_unknown_kind_is_wrong_use() -> None:
    with pytest.raises(ConfigError, match=r"--mirror 'ftp://x': give an address"):
        locations(load_manifest().models["yolox-s"], ["ftp://x"])


def test_without_a_digest_nothing_is_fetched(tmp_path: Path) -> None:
    with serving(b"") as server:
        with pytest.raises(ConfigError, match="m: the manifest has no digest"):
            get(manifest_of([f"{server.url}/m"]), tmp_path)
        assert server.asked == []


def test_a_digest_that_is_believed_is_kept_and_held_to(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as server:
        manifest = manifest_of([f"{server.url}/m"])
        found = get(manifest, tmp_path, trust_first=True)
        taken = load_lock(tmp_path).models["m"]
        (tmp_path / "m.onnx").unlink()
        server.body = model_bytes(tmp_path, 1.0)
        other = get(manifest, tmp_path, trust_first=True)

    assert (found.state, found.proof, found.sha256) == ("pulled", "trust-first", sha(content))
    assert (taken.sha256, taken.how, taken.time) == (
        sha(content),
        "trust-first",
        "2026-11-22T07:30:00Z",
    )
    assert other.state == "failed"
    assert LOCK_FILE in other.faults[0]


def test_a_given_digest_is_checked_and_kept(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as server:
        manifest = manifest_of([f"{server.url}/m"])
        wrong = get(manifest, tmp_path, given="1" * 64)
        right = get(manifest, tmp_path, given=f"sha256:{sha(content).upper()}")

    assert wrong.state == "failed"
    assert right.proof == "given"
    assert resolve("m", manifest, tmp_path).sha256 == sha(content)


def test_a_given_digest_cannot_overrule_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the manifest says"):
        get(manifest_of([], sha256="0" * 64), tmp_path, given="1" * 64)
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        get(manifest_of([]), tmp_path, given="abc")


def test_what_is_no_model_of_that_kind_is_not_believed(tmp_path: Path) -> None:
    odd = constant_model(tmp_path / "odd", (1, 3, 32, 32), np.zeros((1, 20, 85), np.float32))
    for body, said in ((b"hello, I am a model", "not a usable ONNX"), (odd.read_bytes(), "1x20x")):
        with serving(body) as server:
            found = get(manifest_of([f"{server.url}/m"]), tmp_path, trust_first=True)

        assert found.state == "failed"
        assert said in found.faults[0]
        assert not (tmp_path / "m.onnx").exists()
        assert load_lock(tmp_path).models == {}


def test_two_calls_at_once_do_not_spoil_each_other(tmp_path: Path) -> None:
    content = model_bytes(tmp_path)
    with serving(content) as server:
        manifest = manifest_of([f"{server.url}/m"], sha256=sha(content))
        with held_part(tmp_path / "m.onnx"):
            found = get(manifest, tmp_path)

    assert "another process is fetching this file" in found.faults[0]
    assert server.asked == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serving(b"") as server:
        found = get(manifest_of([f"{server.url}/m"], sha256="0" * 64), tmp_path / "file" / "models")

    assert found.state == "failed"
    assert "set IOC_MODELS_DIR to a folder that can be written" in found.faults[0]


def test_a_lock_file_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("[models.m]\nsha256 = 3\n")

    with pytest.raises(ConfigError, match=LOCK_FILE):
        get(manifest_of([]), tmp_path, trust_first=True)

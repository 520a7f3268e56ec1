"""Whoever signs anew: what the holder of one key cannot make up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ioc.identity import DeviceKey
from ioc.manifest import canonical
from tests.console.export.intact import Exported, flipped, resigned, run


def test_signing_anew_alone_changes_nothing(exported: Exported, tmp_path: Path) -> None:
    assert run(resigned(exported, tmp_path / "x", lambda manifest, folder: None))[0] == 0


def test_another_key_is_found_by_whoever_knows_the_right_one(
    exported: Exported, tmp_path: Path
) -> None:
    stranger = DeviceKey(Ed25519PrivateKey.generate())

    def change(manifest: dict[str, Any], folder: Path) -> None:
        told = {"id": stranger.id, "public": stranger.public.hex(), "file": "keys/console.pem"}
        manifest["keys"]["console"] = told
        manifest["case"]["plate_read"] = "95B1-000.00"
        (folder / "keys/console.pem").write_text(stranger.public_pem())

    folder = resigned(exported, tmp_path / "x", change, stranger)
    pinned = tmp_path / "console.pem"
    pinned.write_text(exported.key.public_pem())
    code, said = run(folder)
    assert "--key" in said  # nobody else can know
    code, said = run(folder, "--key", str(pinned))
    assert code == 1
    assert "not the key that was given" in said


def evidence(folder: Path, name: str) -> Path:
    return next(folder.glob(f"evidence/*/{name}"))


def test_the_console_cannot_forge_what_cameras_signed(exported: Exported, tmp_path: Path) -> None:
    def clip(manifest: dict[str, Any], folder: Path) -> None:
        path = evidence(folder, "clip.mp4")
        path.write_bytes(flipped(path.read_bytes(), 4000))

    def left_out(manifest: dict[str, Any], folder: Path) -> None:
        evidence(folder, "at.jpg").unlink()
        manifest["files"] = [f for f in manifest["files"] if (folder / f["path"]).exists()]

    def inner(manifest: dict[str, Any], folder: Path) -> None:
        path = evidence(folder, "manifest.json")
        path.write_bytes(path.read_bytes().replace(b'"red_light"', b'"stop_line"'))

    def plate(manifest: dict[str, Any], folder: Path) -> None:
        manifest["violations"][0]["data"]["plate"]["text"] = "95B1-000.00"

    def unsigned(manifest: dict[str, Any], folder: Path) -> None:
        del manifest["violations"][0]["data"]["signature"]

    def exchanged(manifest: dict[str, Any], folder: Path) -> None:
        one, two = manifest["violations"]
        one["data"], two["data"] = two["data"], one["data"]

    def revoked(manifest: dict[str, Any], folder: Path) -> None:
        manifest["keys"]["devices"][0]["revoked"] = "2026-11-22T01:02:03.456000Z"

    def other_device(manifest: dict[str, Any], folder: Path) -> None:
        manifest["keys"]["devices"][0]["device"] = "vithanh/tran-hung-dao/cam-2"

    def other_key(manifest: dict[str, Any], folder: Path) -> None:
        stranger = DeviceKey(Ed25519PrivateKey.generate())
        entry = manifest["keys"]["devices"][0]
        (folder / entry["file"]).write_text(stranger.public_pem())
        entry["public"], entry["id"] = stranger.public.hex(), stranger.id

    def moved(manifest: dict[str, Any], folder: Path) -> None:
        manifest["keys"]["devices"][0]["device"] = "vithanh/tran-hung-dao/cam-2"
        for violation in manifest["violations"]:
            violation["device"] = "vithanh/tran-hung-dao/cam-2"

    for change, event, of_set in (
        (clip, "", "clip: khác bản kê của thiết bị"),
        (left_out, "", "at: khác bản kê của thiết bị"),
        (inner, "", "chữ ký không khớp"),
        (plate, "không khớp khóa nào", ""),
        (unsigned, "không có chữ ký", ""),
        (exchanged, "", "của vi phạm khác"),
        (revoked, "khóa đã bị thu hồi", "khóa đã bị thu hồi"),
        (other_device, "không khớp khóa nào", "khóa không phải của thiết bị"),
        (moved, "", "của thiết bị khác"),
        (other_key, "không khớp khóa nào", "khóa không phải của thiết bị"),
    ):
        code, said = run(resigned(exported, tmp_path / change.__name__, change))
        assert code == 1, (change.__name__, said)
        bad = [line for line in said.splitlines() if line.startswith("LỖI")]
        for row, fault in (("trên sự kiện", event), ("Bộ bằng chứng", of_set)):
            assert any(row in line and fault in line for line in bad) == bool(fault), (
                change.__name__, row, said,
            )  # fmt: skip
        assert not any("Chữ ký của hệ thống" in line for line in bad)


def test_the_console_cannot_forge_lines_of_the_audit(exported: Exported, tmp_path: Path) -> None:
    def lines(folder: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]

    def write(folder: Path, some: list[dict[str, Any]]) -> None:
        (folder / "audit.jsonl").write_bytes(b"".join(canonical(one) + b"\n" for one in some))

    def record(manifest: dict[str, Any], folder: Path) -> None:
        some = lines(folder)
        for name in ("record", "actor"):
            some[1][name] = some[1][name].replace("device:", "person:")
        write(folder, some)

    def column(manifest: dict[str, Any], folder: Path) -> None:
        some = lines(folder)
        some[1]["actor"] = "person:ai"
        write(folder, some)

    def rehashed(manifest: dict[str, Any], folder: Path) -> None:
        some = lines(folder)
        some[1]["record"] = some[1]["record"].replace("device:", "person:")
        some[1]["actor"] = some[1]["actor"].replace("device:", "person:")
        told = bytes.fromhex(some[1]["previous"]) + some[1]["record"].encode()
        some[1]["hash"] = hashlib.sha256(told).hexdigest()
        write(folder, some)

    def disorder(manifest: dict[str, Any], folder: Path) -> None:
        write(folder, lines(folder)[::-1])

    def fewer(manifest: dict[str, Any], folder: Path) -> None:
        write(folder, lines(folder)[1:])

    def root(manifest: dict[str, Any], folder: Path) -> None:
        path = folder / "root.json"
        path.write_bytes(path.read_bytes().replace(b'"seq":', b'"seq":1'))

    def later(manifest: dict[str, Any], folder: Path) -> None:
        manifest["audit"]["head"]["seq"] = 3

    def listed(manifest: dict[str, Any], folder: Path) -> None:
        manifest["audit"]["root"]["seq"] += 1

    for change, fault in (
        (record, "mã băm không khớp"),
        (column, "không như đã ghi: actor"),
        (rehashed, "không nối với dòng trước"),
        (disorder, "sai thứ tự"),
        (fewer, "thiếu hoặc thừa dòng"),
        (later, "sau dòng cuối"),
        (root, "chữ ký không khớp"),
        (listed, "khác bản kê"),
    ):
        code, said = run(resigned(exported, tmp_path / change.__name__, change))
        assert code == 1, (change.__name__, said)
        assert fault in said, (change.__name__, said)


def test_one_person_alone_confirms_nothing(exported: Exported, tmp_path: Path) -> None:
    def alone(manifest: dict[str, Any], folder: Path) -> None:
        manifest["decisions"][1]["login"] = manifest["decisions"][0]["login"]

    code, said = run(resigned(exported, tmp_path / "x", alone))
    assert code == 1
    assert "not two people" in said


@pytest.mark.parametrize("field", ["files", "missing", "violations", "keys", "audit", "case",
                                   "decisions", "format"])  # fmt: skip
@pytest.mark.parametrize("value", [None, [], {}, "x", 7, [None], [[]], {"a": 1}, [{"path": 1}]])
def test_a_manifest_of_another_shape_ends_in_a_verdict(
    exported: Exported, tmp_path: Path, field: str, value: Any
) -> None:
    def change(manifest: dict[str, Any], folder: Path) -> None:
        manifest[field] = value

    code, said = run(resigned(exported, tmp_path / "x", change, digests=False))
    assert code == 1, said
    assert "KHÔNG nguyên vẹn" in said

"""Kiểm tra một bản xuất hồ sơ, không cần mạng, không cần hệ thống đã xuất nó.

Verifies an exported case without a network and without the system that made it.

    python3 verify.py                      the folder that this file lies in
    python3 verify.py ho-so-12.zip         the ZIP itself, or another folder
    python3 verify.py --key console.pem    and the console's key, as you got it by another way

Needs Python 3.9 or later and the package ``cryptography``, nothing else. Exit code 0: intact,
1: not intact, 2: wrong use. The file is shipped in every export as ``verify.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = "vn.ioc.export.v1"
SIGNATURE_FORMAT = "vn.ioc.export-signature.v1"
MANIFEST, SIGNATURE, AUDIT, ROOT = "manifest.json", "signature.json", "audit.jsonl", "root.json"

MOST_FILES = 5000
MOST_BYTES = 8 * 2**30  # of one file
MOST_IN_ALL = 64 * 2**30
MOST_JSON = 64 * 2**20
MOST_SMALL = 64 * 2**10
BLOCK = 2**20
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,3}")
HEX = re.compile(r"(?:[0-9a-f]{2})*")


class BrokenError(Exception):
    """Something is not as it was exported; the message says what, Vietnamese / English."""


# --- canonical JSON: sorted keys, no space, UTF-8 ------------------------------------------------


class Number(str):
    """A number as it was spelt: there is more than one way to write a fraction."""


def canonical(value: Any) -> bytes:
    """The one spelling of a value."""
    return _text(value).encode("utf-8")


def _text(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_text(key)}:{_text(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    raise BrokenError(f"không phải JSON / no JSON: {type(value).__name__}")


def load(data: bytes) -> Any:
    """Read JSON that must be spelt canonically.

    Raises:
        BrokenError: It is not.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_no_repeats,
        )
        spelt = canonical(value)
    except (ValueError, RecursionError) as error:
        raise BrokenError(f"không phải JSON / no JSON: {error}") from None
    if spelt != data:
        raise BrokenError("đã bị sửa: không đúng dạng chuẩn / changed: not in canonical form")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def pick(value: Any, *keys: str) -> list[Any]:
    """Some values of an object.

    Raises:
        BrokenError: It is no object, or lacks one.
    """
    if not isinstance(value, dict):
        raise BrokenError("cấu trúc lạ / unexpected structure")
    for key in keys:
        if key not in value:
            raise BrokenError(f"thiếu trường / missing field: {key}")
    return [value[key] for key in keys]


def each(value: Any, key: str) -> list[Any]:
    """The items of a list within an object.

    Raises:
        BrokenError: There is no such list.
    """
    (found,) = pick(value, key)
    if not isinstance(found, list):
        raise BrokenError(f"không phải danh sách / no list: {key}")
    return found


def raw(text: Any, length: int) -> bytes:
    """Bytes from lower-case hex of a known length.

    Raises:
        BrokenError: It is none.
    """
    if not isinstance(text, str) or len(text) != 2 * length or not HEX.fullmatch(text):
        raise BrokenError("không phải số hệ 16 / no hex number")
    return bytes.fromhex(text)


# --- signatures ----------------------------------------------------------------------------------


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the owner of an Ed25519 key signed exactly this message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of(pem: bytes) -> bytes:
    """The 32 raw bytes of a public key in PEM.

    Raises:
        BrokenError: It is no Ed25519 key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    try:
        key = load_pem_public_key(pem)
    except Exception:  # the package has several kinds of errors for what is none
        raise BrokenError("không phải khóa công khai / no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BrokenError("không phải khóa Ed25519 / no Ed25519 key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(public: bytes) -> str:
    """The short name of a key."""
    return hashlib.sha256(public).hexdigest()[:16]


# --- where the files are -------------------------------------------------------------------------


class Folder:
    """An unpacked export. Links and strange files are refused, nothing outside is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, int] = {}
        self.faults: list[str] = []
        total = 0
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if self._is_plain(folder, name, True))
            for file in sorted(files):
                if not self._is_plain(folder, file, False):
                    continue
                place = Path(folder) / file
                name = place.relative_to(path).as_posix()
                size = place.lstat().st_size
                total += size
                check_name(name, size, total, len(self.names))
                self.names[name] = size

    def _is_plain(self, folder: str, name: str, wants_folder: bool) -> bool:
        path = Path(folder) / name
        mode = path.lstat().st_mode
        plain = stat.S_ISDIR(mode) if wants_folder else stat.S_ISREG(mode)
        if not plain:
            shown = path.relative_to(self.path).as_posix()
            self.faults.append(f"{shown}: không phải tệp thường / no plain file")
        return plain

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file."""
        file = os.open(self.path / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(file, "rb") as opened:
            yield from iter(lambda: opened.read(BLOCK), b"")


class Archive:
    """An export as a ZIP. Nothing is unpacked, and no more is read than a file says it holds."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.names: dict[str, int] = {}
        self.faults: list[str] = []
        total = 0
        for entry in self._zip.infolist():
            if entry.filename.endswith("/") and not entry.file_size:
                continue
            total += entry.file_size
            check_name(entry.filename, entry.file_size, total, len(self.names))
            if entry.filename in self.names:
                raise BrokenError(f"{entry.filename}: có hai lần / is there twice")
            if entry.flag_bits & 1 or stat.S_ISLNK(entry.external_attr >> 16):
                raise BrokenError(f"{entry.filename}: không phải tệp thường / no plain file")
            self.names[entry.filename] = entry.file_size

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file."""
        left = self.names[name]
        with self._zip.open(name) as opened:
            for block in iter(lambda: opened.read(BLOCK), b""):
                left -= len(block)
                if left < 0:
                    raise BrokenError(f"{name}: dài hơn đã khai / longer than it says")
                yield block


def check_name(name: str, size: int, total: int, many: int) -> None:
    """Refuse names that lead elsewhere, and sizes that nobody exports.

    Raises:
        BrokenError: It is one of these.
    """
    if not NAME.fullmatch(name):
        raise BrokenError(f"{name[:120]!r}: tên tệp không hợp lệ / not a name of ours")
    if many >= MOST_FILES or size > MOST_BYTES or total > MOST_IN_ALL:
        raise BrokenError(f"{name}: quá nhiều hoặc quá lớn / too many or too large")


Source = "Folder | Archive"


def read(source: Folder | Archive, name: str, most: int) -> bytes:
    """A file that must be there and is not large.

    Raises:
        BrokenError: It is missing, cannot be read, or is too large.
    """
    if name not in source.names:
        raise BrokenError(f"{name}: thiếu tệp / missing")
    if source.names[name] > most:
        raise BrokenError(f"{name}: quá lớn / too large")
    return b"".join(blocks(source, name))


def blocks(source: Folder | Archive, name: str) -> Iterator[bytes]:
    """The bytes of a file.

    Raises:
        BrokenError: It cannot be read.
    """
    try:
        yield from source.blocks(name)
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BrokenError(f"{name}: không đọc được / cannot be read: {error}") from None


# --- what is checked -----------------------------------------------------------------------------


class Report:
    """What was checked, and what came of it."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []
        self.whole = True

    def good(self, vietnamese: str, english: str) -> None:
        """Something is as it should be."""
        self.rows.append(("ĐẠT / OK", vietnamese, english))

    def note(self, vietnamese: str, english: str) -> None:
        """Something the export itself says openly."""
        self.rows.append(("CHÚ Ý / NOTE", vietnamese, english))

    def bad(self, vietnamese: str, english: str) -> None:
        """Something is wrong."""
        self.rows.append(("LỖI / FAULT", vietnamese, english))
        self.whole = False

    def check(self, what: tuple[str, str], faults: list[str]) -> None:
        """One row for what is right, one row for each fault."""
        if not faults:
            self.good(*what)
        for fault in faults:
            self.bad(what[0], f"{what[1]}: {fault}")


def verify(source: Folder | Archive, pinned: bytes | None) -> tuple[Report, dict[str, Any]]:
    """Check an export.

    Args:
        source: Where it is.
        pinned: The console's public key as the caller knows it.

    Returns:
        What was found, and the manifest as far as it could be read.
    """
    report = Report()
    report.check(("Không có tệp lạ", "No strange files"), list(source.faults))
    manifest: dict[str, Any] = {}
    try:
        manifest, public = _signed_manifest(source, report)
        _key(source, report, manifest, public, pinned)
        _files(source, report, manifest)
        keys = _device_keys(source, report, manifest)
        for violation in each(manifest, "violations"):
            _violation(source, report, manifest, violation, keys)
        _audit(source, report, manifest, public)
        _people(report, manifest)
        for gone in each(manifest, "missing"):
            role, reason, sha256 = pick(gone, "role", "reason", "sha256")
            report.note(
                f"Không kèm tệp {role} ({reason})", f"Not included: {role}, {reason}, {sha256}"
            )
    except BrokenError as error:
        report.bad("Bản xuất", str(error))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        report.bad("Cấu trúc lạ", f"Unexpected structure: {error!r}")
    return report, manifest


def _signed_manifest(source: Folder | Archive, report: Report) -> tuple[dict[str, Any], bytes]:
    data = read(source, MANIFEST, MOST_JSON)
    signed = load(read(source, SIGNATURE, MOST_SMALL))
    form, key, digest, signature = pick(signed, "format", "key", "manifest", "signature")
    public = raw(key, 32)
    faults = []
    if form != SIGNATURE_FORMAT or len(signed) != 4:
        faults.append("signature.json")
    if raw(digest, 32) != hashlib.sha256(data).digest():
        faults.append("manifest.json đã bị sửa / was changed")
    elif not is_signed(data, raw(signature, 64), public):
        faults.append("chữ ký không khớp / the signature does not fit")
    report.check(("Chữ ký của hệ thống trên bản kê", "The console's signature"), faults)
    manifest = load(data)
    if pick(manifest, "format") != [FORMAT]:
        raise BrokenError("manifest.json: phiên bản lạ / another version")
    return manifest, public


def _key(
    source: Folder | Archive,
    report: Report,
    manifest: dict[str, Any],
    public: bytes,
    pinned: bytes | None,
) -> None:
    (keys,) = pick(manifest, "keys")
    (console,) = pick(keys, "console")
    told, name, file = pick(console, "public", "id", "file")
    faults = []
    if raw(told, 32) != public or name != key_id(public):
        faults.append("không phải khóa đã ký / not the key that signed")
    if public_of(read(source, file, MOST_SMALL)) != public:
        faults.append(f"{file}: khóa khác / another key")
    if pinned is not None and pinned != public:
        faults.append("khác khóa đã cho (--key) / not the key that was given (--key)")
    what = f"Khóa của hệ thống {key_id(public)}", f"The console's key {key_id(public)}"
    report.check(what, faults)
    if pinned is None:
        report.note(
            "Hãy so khóa này với khóa nhận từ nơi khác (--key)",
            "Compare this key with the one you got by another way (--key)",
        )


def _files(source: Folder | Archive, report: Report, manifest: dict[str, Any]) -> None:
    listed: dict[str, Any] = {}
    faults = []
    known = {pick(one, "id")[0] for one in each(manifest, "violations")}
    for entry in each(manifest, "files"):
        path, violation = pick(entry, "path", "violation")
        if violation is not None and violation not in known:
            faults.append(f"{path}: của vi phạm lạ / of an unknown violation")
        if path in listed or path in (MANIFEST, SIGNATURE):
            faults.append(f"{path}: có hai lần / is listed twice")
        listed[path] = entry
    for name in source.names:
        if name not in listed and name not in (MANIFEST, SIGNATURE):
            faults.append(f"{name}: không có trong bản kê / is not listed")
    for path, entry in listed.items():
        sha256, size = pick(entry, "sha256", "bytes")
        if path not in source.names:
            faults.append(f"{path}: thiếu tệp / missing")
            continue
        if source.names[path] != int(size):
            faults.append(f"{path}: sai kích thước / wrong size")
            continue
        digest = hashlib.sha256()
        try:
            for block in blocks(source, path):
                digest.update(block)
        except BrokenError as error:
            faults.append(str(error))
            continue
        if digest.hexdigest() != sha256:
            faults.append(f"{path}: nội dung đã bị sửa / changed")
    report.check((f"Mã băm của {len(listed)} tệp", f"Digests of {len(listed)} files"), faults)


def _device_keys(
    source: Folder | Archive, report: Report, manifest: dict[str, Any]
) -> dict[bytes, dict[str, Any]]:
    (keys,) = pick(manifest, "keys")
    found: dict[bytes, dict[str, Any]] = {}
    faults = []
    for entry in each(keys, "devices"):
        told, name, file, _, _ = pick(entry, "public", "id", "file", "device", "revoked")
        public = raw(told, 32)
        if name != key_id(public) or public_of(read(source, file, MOST_SMALL)) != public:
            faults.append(f"{file}: khóa khác / another key")
        found[public] = entry
    report.check((f"{len(found)} khóa thiết bị", f"{len(found)} keys of devices"), faults)
    return found


def _violation(
    source: Folder | Archive,
    report: Report,
    manifest: dict[str, Any],
    violation: dict[str, Any],
    keys: dict[bytes, dict[str, Any]],
) -> None:
    name, device, data, fault, of_set = pick(
        violation, "id", "device", "data", "signature_fault", "evidence_fault"
    )
    what = f"Chữ ký thiết bị trên sự kiện {name}", f"The device's signature of event {name}"
    if fault is not None:
        report.note(f"{what[0]}: {fault}", f"{what[1]}: {fault}")
    else:
        report.check(what, _event_faults(device, data, keys))
    what = f"Bộ bằng chứng {name}", f"Evidence set {name}"
    entries = [
        entry
        for entry in (*manifest["files"], *manifest["missing"])
        if entry.get("violation") == name
    ]
    signed = [entry for entry in entries if entry["role"] == "manifest" and "path" in entry]
    if of_set is not None:
        report.note(f"{what[0]}: {of_set}", f"{what[1]}: {of_set}")
    if not signed:
        if of_set is None:
            report.bad(what[0], f"{what[1]}: không có bản kê / no manifest")
        return
    content = read(source, signed[0]["path"], MOST_JSON)
    # Under a fault that the export tells openly, bytes and inner signature must fit all the same.
    faults = _set_faults(content, device, data, entries, keys if of_set is None else None)
    if of_set is None:
        report.check(what, faults)
    elif of_set not in ("unreadable", "differs"):
        report.check((what[0] + ": chữ ký trong", what[1] + ": inner signature"), faults)


def _event_faults(
    device: str, data: dict[str, Any], keys: dict[bytes, dict[str, Any]]
) -> list[str]:
    if not isinstance(data, dict) or not isinstance(data.get("signature"), str):
        return ["không có chữ ký / no signature"]
    message = canonical({key: value for key, value in data.items() if key != "signature"})
    signature = raw(data["signature"], 64)
    for public, entry in keys.items():
        if entry["device"] == device and is_signed(message, signature, public):
            return _revoked(entry, data["act_time"])
    return ["không khớp khóa nào của thiết bị / fits no key of the device"]


def _set_faults(
    content: bytes,
    device: str,
    data: dict[str, Any] | None,
    entries: list[dict[str, Any]],
    keys: dict[bytes, dict[str, Any]] | None,
) -> list[str]:
    """What is wrong with a device's manifest; without ``keys`` any key may have signed it."""
    signed = load(content)
    key, said, signature = pick(signed, "key", "manifest", "signature")
    public = raw(key, 32)
    faults = []
    if len(signed) != 3 or not is_signed(canonical(said), raw(signature, 64), public):
        faults.append("chữ ký không khớp / the signature does not fit")
    if said["key"] != key_id(public):
        faults.append("nêu khóa khác / names another key")
    if keys is None:
        return faults
    if public not in keys or keys[public]["device"] != device:
        faults.append("khóa không phải của thiết bị / not a key of the device")
    else:
        faults += _revoked(keys[public], said["act_time"])
    if said["source"] != "/" + device:
        faults.append("của thiết bị khác / of another device")
    if data is not None and (said["rule"], said["track"]) != (data["rule"], data["track"]):
        faults.append("của vi phạm khác / of another violation")
    there = {entry["role"]: entry for entry in entries}
    for file in said["files"]:
        entry = there.get(file["role"])
        if entry is None or (entry["sha256"], entry["bytes"]) != (file["sha256"], file["bytes"]):
            faults.append(f"{file['role']}: khác bản kê của thiết bị / not as the device listed it")
    for ref in (data or {}).get("evidence", []):
        entry = there.get(ref["role"])
        if entry is None or (entry["sha256"], entry["bytes"]) != (ref["sha256"], ref["bytes"]):
            faults.append(f"{ref['role']}: khác sự kiện / not as the event names it")
    return faults


def _revoked(entry: dict[str, Any], act: str) -> list[str]:
    since = entry["revoked"]
    if since is None or _instant(since) > _instant(act):
        return []
    return ["khóa đã bị thu hồi trước đó / the key was revoked before"]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _audit(
    source: Folder | Archive, report: Report, manifest: dict[str, Any], public: bytes
) -> None:
    (told,) = pick(manifest, "audit")
    many, head, root = pick(told, "lines", "head", "root")
    data = read(source, AUDIT, MOST_JSON)
    faults = []
    before: tuple[int, str] | None = None
    lines = data.split(b"\n")
    if lines.pop() != b"" or len(lines) != int(many):
        faults.append("thiếu hoặc thừa dòng / lines are missing or were added")
    for number, text in enumerate(lines, 1):
        try:
            line = load(text)
            fault = _line_fault(line, before)
            before = int(line["seq"]), line["hash"]
            if before[0] > int(head["seq"]):
                fault = "sau dòng cuối / after the last line"
        except (BrokenError, KeyError, TypeError, ValueError) as error:
            fault = str(error)
        if fault:
            faults.append(f"dòng / line {number}: {fault}")
    what = f"Trích nhật ký: {len(lines)} dòng", f"Audit extract: {len(lines)} lines"
    report.check(what, faults)
    if root is None:
        report.note("Chưa có mốc ký hằng ngày", "No signed daily root yet")
        return
    signed = load(read(source, ROOT, MOST_SMALL))
    key, said, signature = pick(signed, "key", "root", "signature")
    faults = []
    if not is_signed(canonical(said), raw(signature, 64), raw(key, 32)):
        faults.append("chữ ký không khớp / the signature does not fit")
    if {name: said[name] for name in root} != root:
        faults.append("khác bản kê / not as listed")
    what = f"Mốc ký ngày {said['day']}", f"Signed root of {said['day']}, line {said['seq']}"
    report.check(what, faults)
    if raw(key, 32) != public:
        report.note("Mốc ký bằng khóa khác", f"The root was signed with key {key_id(raw(key, 32))}")


def _line_fault(line: dict[str, Any], before: tuple[int, str] | None) -> str:
    """What is wrong with a line of the audit, empty for nothing."""
    record, previous, digest = line["record"], line["previous"], line["hash"]
    if hashlib.sha256(raw(previous, 32) + record.encode("utf-8")).digest() != raw(digest, 32):
        return "mã băm không khớp / the hash does not fit"
    told = json.loads(record)
    for name in ("seq", "at", "actor", "action", "subject"):
        if str(told[name]) != str(line[name]):
            return f"không như đã ghi: {name} / not as recorded: {name}"
    seq = int(line["seq"])
    if before is not None and seq <= before[0]:
        return "sai thứ tự / out of order"
    if before is not None and seq == before[0] + 1 and previous != before[1]:
        return "không nối với dòng trước / does not follow the line before it"
    return ""


def _people(report: Report, manifest: dict[str, Any]) -> None:
    case, decisions = pick(manifest, "case")[0], each(manifest, "decisions")
    state, this_round = pick(case, "state", "round")
    if state != "confirmed":
        report.note(f"Hồ sơ chưa được xác nhận: {state}", f"The case is not confirmed: {state}")
        return
    said = {
        each["login"]
        for each in decisions
        if each["verdict"] == "confirm" and each["round"] == this_round
    }
    faults = [] if len(said) >= 2 else ["không đủ hai người / not two people"]
    report.check(("Hai người khác nhau đã xác nhận", "Confirmed by two different people"), faults)


# --- the command ---------------------------------------------------------------------------------


def show(text: object) -> str:
    """Text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def main(words: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description="Kiểm tra bản xuất hồ sơ / verify an export")
    parser.add_argument("path", nargs="?", help="thư mục hoặc ZIP / folder or ZIP")
    parser.add_argument("--key", help="khóa công khai của hệ thống (PEM) / the console's key")
    given = parser.parse_args(words)
    try:
        import cryptography  # noqa: F401
    except ImportError:
        print("Cần: / needed: pip install cryptography", file=sys.stderr)
        return 2
    path = Path(given.path) if given.path else Path(__file__).resolve().parent
    pinned = None
    try:
        if given.key:
            with Path(given.key).open("rb") as file:
                pinned = public_of(file.read(MOST_SMALL))
        source: Folder | Archive
        if path.is_dir():
            source = Folder(path)
        else:
            with path.open("rb") as file:
                print(f"SHA-256 {_digest(file)}  {show(path.name)}")
            source = Archive(path)
    except (OSError, zipfile.BadZipFile) as error:
        print(f"{show(path)}: {show(error)}", file=sys.stderr)
        return 2 if isinstance(error, OSError) else 1
    except (BrokenError, ValueError) as error:
        print(f"LỖI / FAULT  {show(error)}")
        return 1
    report, manifest = verify(source, pinned)
    width = max(len(status) for status, _, _ in report.rows)
    for status, vietnamese, english in report.rows:
        print(f"{status:<{width}}  {show(vietnamese)}  |  {show(english)}")
    case = manifest.get("case")
    number = show(case.get("number", "?") if isinstance(case, dict) else "?")
    if report.whole:
        print(f"KẾT LUẬN: hồ sơ số {number} NGUYÊN VẸN  |  RESULT: case {number} is INTACT")
        return 0
    print(f"KẾT LUẬN: hồ sơ số {number} KHÔNG nguyên vẹn  |  RESULT: case {number} is NOT intact")
    return 1


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())

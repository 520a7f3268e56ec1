"""Whether evidence is what the device signed: every bit, every file, the right key."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.evidence_files import digest_of, object_path
from edge.evidence_index import FILE_NAME
from ioc.errors import ConfigError
from ioc.identity import Trust
from ioc.manifest import (
    MAX_BYTES,
    FileRecord,
    Manifest,
    ManifestError,
    read_manifest,
)

MANIFEST_NAME: Final = "manifest.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RECORDINGS: Final = frozenset({".mp4", ".mkv", ".jpg", ".png"})
"""A folder with one of these is a set, and its manifest is missing when there is none."""

_DEEPEST: Final = 4
"""``evidence.dir`` holds stores or exported sets; nothing lies deeper than this."""

Find = Callable[[FileRecord], Path]
"""Gives the place where a listed file should lie."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        file: With which file.
        what: What is wrong with it.
    """

    file: Path
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(slots=True)
class Report:
    """What was checked.

    Attributes:
        sets: Manifests that were looked at.
        files: Files that they list.
        faults: What is wrong.
    """

    sets: int = 0
    files: int = 0
    faults: list[Fault] = field(default_factory=list)


def verify(path: Path, trust: Trust) -> Report:
    """Check a manifest with its files, an exported set, a store, or a folder of these.

    Args:
        path: Which one.
        trust: Keys that somebody vouches for.

    Raises:
        ConfigError: There is nothing of the kind.
    """
    report = Report()
    if path.is_file():
        _check_set(report, path, _neighbours(path), trust)
    elif path.is_dir():
        if not _check_folder(report, path, trust, _DEEPEST):
            raise ConfigError(
                f"{path}: no evidence here; give a manifest, a folder of a set, or a store"
            )
    else:
        raise ConfigError(f"{path}: no such file; give a manifest, a folder of a set, or a store")
    return report


def _check_folder(report: Report, folder: Path, trust: Trust, depth: int) -> bool:
    """Check what lies in a folder; False when there is no evidence in it."""
    if (folder / FILE_NAME).exists() or (folder / "objects").is_dir():
        _check_store(report, folder, trust)
        return True
    entries = sorted(folder.iterdir())
    files = [entry for entry in entries if not entry.is_dir()]
    is_set = any(file.name == MANIFEST_NAME or file.suffix in _RECORDINGS for file in files)
    if is_set:
        listed = _check_set(report, folder / MANIFEST_NAME, _neighbours(folder / "x"), trust)
        report.faults += [
            Fault(file, "is not listed in the manifest")
            for file in files
            if listed is not None and file.name not in listed
        ]
    found = [
        _check_folder(report, entry, trust, depth - 1)
        for entry in entries
        if depth and entry.is_dir()
    ]
    return is_set or any(found)


def _check_store(report: Report, folder: Path, trust: Trust) -> None:
    try:
        manifests = _offered(folder)
    except sqlite3.Error as error:
        report.faults.append(Fault(folder / FILE_NAME, f"the index cannot be read: {error}"))
        manifests = _manifests_among(folder)

    def find(record: FileRecord) -> Path:
        return object_path(folder, record.sha256)

    for sha256 in manifests:
        one = Report()
        _check_set(one, object_path(folder, sha256), find, trust)
        if one.faults and sha256 not in _still_offered(folder, manifests):
            continue  # a running node has removed it while we looked
        report.sets += one.sets
        report.files += one.files
        report.faults += one.faults


def _check_set(report: Report, path: Path, find: Find, trust: Trust) -> set[str] | None:
    """Check a manifest and what it lists.

    Returns:
        Names of the files of the set, its manifest's too; None when the manifest is no good.
    """
    report.sets += 1
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if _DIGEST.fullmatch(path.name) and digest_of(path) != path.name:
            report.faults.append(Fault(path, "changed: its digest is not its name"))
            return None
        signed = read_manifest(data)
    except FileNotFoundError:
        report.faults.append(Fault(path, "missing"))
        return None
    except OSError as error:
        report.faults.append(Fault(path, f"cannot be read: {error.strerror}"))
        return None
    except ManifestError as error:
        report.faults.append(Fault(path, str(error)))
        return None
    foreign = trust.fault(signed.public, signed.manifest.source)
    if foreign is not None:
        report.faults.append(Fault(path, foreign))
    _check_files(report, signed.manifest, find)
    return {path.name, *(record.name for record in signed.manifest.files)}


def _check_files(report: Report, manifest: Manifest, find: Find) -> None:
    for record in manifest.files:
        report.files += 1
        path = find(record)
        try:
            size, sha256 = path.stat().st_size, digest_of(path)
        except FileNotFoundError:
            report.faults.append(Fault(path, f"missing ({record.role})"))
            continue
        except OSError as error:
            report.faults.append(Fault(path, f"cannot be read: {error.strerror}"))
            continue
        if size != record.bytes:
            what = f"changed ({record.role}): {size} bytes, {record.bytes} were signed"
            report.faults.append(Fault(path, what))
        elif sha256 != record.sha256:
            what = f"changed ({record.role}): not the bytes that were signed"
            report.faults.append(Fault(path, what))


def _neighbours(path: Path) -> Find:
    """Where the files of a manifest lie: beside it by name, or in its store by digest."""
    folder = path.parent
    if folder.parent.name == "objects" and _DIGEST.fullmatch(path.name):
        return lambda record: object_path(folder.parent.parent, record.sha256)
    return lambda record: folder / record.name


def _offered(folder: Path) -> list[str]:
    """The manifests of all sets that a store offers.

    Raises:
        sqlite3.Error: The index is missing or broken.
    """
    index = (folder / FILE_NAME).resolve().as_uri()
    try:
        return _query(f"{index}?mode=ro")
    except sqlite3.OperationalError:  # a read-only disk, where no journal can be opened
        return _query(f"{index}?mode=ro&immutable=1")


def _still_offered(folder: Path, before: list[str]) -> list[str]:
    try:
        return _offered(folder)
    except sqlite3.Error:
        return before


def _query(uri: str) -> list[str]:
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        return [row for (row,) in connection.execute("SELECT manifest FROM sets ORDER BY row")]


def _manifests_among(folder: Path) -> list[str]:
    """Manifests of a store without an index, by what they look like."""
    found = []
    for path in sorted((folder / "objects").glob("??/*")):
        with path.open("rb") as file:
            if file.read(7) == b'{"key":':
                found.append(path.name)
    return found

"""Makes the ZIP of an export on our disk: originals checked once more, all of it signed."""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final

from console.context import Context
from console.export import manifest as listing
from console.export.contents import Contents, Exhibit, Item
from console.export.manifest import CONSOLE_KEY, Packed, key_path, pem
from console.export.record import Still, record
from console.export.verify_script import AUDIT, MANIFEST, ROOT, SIGNATURE
from console.keeping import DamagedError, copy
from console.texts import say
from ioc.clock import VIETNAM
from ioc.console_settings import ConsoleSettings
from ioc.identity import DeviceKey
from ioc.telemetry import logger
from store import audit
from store.chain import spelt

HERE: Final = Path(__file__).parent
FOLDER: Final = "exports"
"""Below ``console.work_dir``; nothing in it outlives its request."""

MOST_PICTURE: Final = 32 * 2**20
_STORED: Final = ("video/", "image/")
"""Coded already: packing them again takes long and saves nothing."""

_log = logger("console.export")


@dataclass(slots=True)
class Bundle:
    """An export that lies on our disk.

    Attributes:
        path: The ZIP.
        sha256: Its digest.
        bytes: Its size.
        missing: Files of the case that are not in it.
        damaged: Digests of originals that are not what they should be.
    """

    path: Path
    sha256: str
    bytes: int
    missing: list[Item]
    damaged: list[str] = field(default_factory=list)


def needed_bytes(contents: Contents) -> int:
    """Room that making an export takes: originals, and the ZIP of them."""
    return 2 * sum(item.file.bytes for item in contents.items if item.missing is None) + 2**25


async def make(context: Context, contents: Contents, folder: Path) -> Bundle:
    """Make an export.

    Args:
        context: Of the console.
        contents: The case.
        folder: A new folder for everything that is made.

    Raises:
        StorageError: The store of originals, or our disk, refuses.
        OSError: Our disk refuses.
    """
    originals: dict[str, Path] = {}
    damaged: list[str] = []
    items: list[Item] = []
    for item in contents.items:
        digest = item.file.sha256
        if item.missing is None and digest not in originals and digest not in damaged:
            path = folder / digest
            try:
                await copy(context.originals, digest, path)
                originals[digest] = path
            except DamagedError as error:
                _log.error("evidence is damaged", error=str(error))
                damaged.append(digest)
        if item.missing is None and digest in damaged:
            item = replace(item, missing="damaged")
        items.append(item)
    lines = 0
    with (folder / AUDIT).open("wb") as file:
        async with context.pool.connection() as connection, connection.transaction():
            async for line in audit.lines(connection, subjects=contents.subjects):
                if line.seq > contents.head.seq:
                    break
                file.write(spelt(line) + b"\n")
                lines += 1
    signing, settings = context.vault.signing, context.settings
    path, digest, size = await asyncio.to_thread(
        lambda: _pack(contents, items, originals, lines, folder, signing, settings)
    )
    return Bundle(path, digest, size, [one for one in items if one.missing is not None], damaged)


def file_name(number: int, at: datetime) -> str:
    """Name of an export for whoever saves it."""
    return f"ho-so-{number}-{at.astimezone(VIETNAM):%Y%m%d-%H%M%S}.zip"


def _pack(
    contents: Contents,
    items: Sequence[Item],
    originals: dict[str, Path],
    lines: int,
    folder: Path,
    signing: DeviceKey,
    settings: ConsoleSettings,
) -> tuple[Path, str, int]:
    small: dict[str, tuple[str, str, bytes]] = {
        "record.pdf": ("record", "application/pdf", _record(contents, items, originals, settings)),
        "verify.py": ("verifier", "text/x-python", (HERE / "verify_script.py").read_bytes()),
        "HUONG_DAN.txt": ("guide", "text/plain", (HERE / "HUONG_DAN.txt").read_bytes()),
        CONSOLE_KEY: ("key", "application/x-pem-file", pem(signing.public)),
    }
    for key in contents.keys:
        small[key_path(key.key)] = ("key", "application/x-pem-file", pem(key.public))
    if contents.root is not None:
        small[ROOT] = ("audit", "application/json", contents.root.file())
    packed = [
        Packed(path, role, sha256(data).hexdigest(), len(data), media_type)
        for path, (role, media_type, data) in small.items()
    ]
    extract = folder / AUDIT
    with extract.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    packed.append(Packed(AUDIT, "audit", digest, extract.stat().st_size, "application/x-ndjson"))
    there = [item for item in items if item.missing is None]
    for item in there:
        one = item.file
        packed.append(
            Packed(item.path, one.role, one.sha256, one.bytes, one.media_type, str(item.violation))
        )
    missing = [item for item in items if item.missing is not None]
    told = listing.make(contents, packed, missing, lines, signing, settings)
    path = folder / "export.zip"
    at = contents.made.astimezone(VIETNAM).timetuple()[:6]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in ((MANIFEST, told), (SIGNATURE, listing.sign(told, signing))):
            archive.writestr(_entry(name, at), data)
        for name, (_, _, data) in small.items():
            archive.writestr(_entry(name, at), data)
        _add(archive, _entry(AUDIT, at), extract)
        for item in there:
            entry = _entry(item.path, at)
            if item.file.media_type.startswith(_STORED):
                entry.compress_type = zipfile.ZIP_STORED
            _add(archive, entry, originals[item.file.sha256])
    with path.open("rb") as file:
        return path, file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _entry(name: str, at: tuple[int, ...]) -> zipfile.ZipInfo:
    year, month, day, hour, minute, second = at
    entry = zipfile.ZipInfo(name, (year, month, day, hour, minute, second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    return entry


def _add(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    entry.file_size = path.stat().st_size  # decides whether ZIP64 is needed
    with path.open("rb") as file, archive.open(entry, "w") as target:
        shutil.copyfileobj(file, target, 2**20)


def _record(
    contents: Contents,
    items: Sequence[Item],
    originals: dict[str, Path],
    settings: ConsoleSettings,
) -> bytes:
    """The page, with the pictures of the first act that has any."""

    def still(exhibit: Exhibit, role: str) -> Still | None:
        for item in items:
            one = item.file
            if item.violation != exhibit.id or one.role != role or item.missing is not None:
                continue
            if not one.media_type.startswith("image/") or one.bytes > MOST_PICTURE:
                continue
            offset = "" if one.offset_us is None else f" ({one.offset_us / 1e6:+.2f} s)"
            caption = (say("vi", f"role_{role}") + offset).replace(".", ",")
            return Still(caption, originals[one.sha256].read_bytes())
        return None

    for exhibit in contents.exhibits:
        plate = still(exhibit, "plate")
        found = [one for role in ("at", "after", "before") if (one := still(exhibit, role))]
        if found or plate is not None:
            return record(contents, found[:2], plate, settings)
    return record(contents, [], None, settings)

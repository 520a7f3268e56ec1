"""An export that nobody has touched, and ways to touch it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.export import verify_script as script
from console.export.manifest import sign
from ioc.identity import DeviceKey
from ioc.manifest import canonical

SHIPPED = Path(script.__file__)


@dataclass
class Exported:
    """An intact export.

    Attributes:
        archive: As it was sent.
        folder: The same, unpacked; tests put back what they change.
        key: The console's.
        camera: The key of the camera.
    """

    archive: Path
    folder: Path
    key: DeviceKey
    camera: DeviceKey

    @property
    def files(self) -> list[str]:
        with zipfile.ZipFile(self.archive) as archive:
            return sorted(archive.namelist())


def run(path: Path, *words: str) -> tuple[int, str]:
    """The verifier in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = script.main([str(path), *words])
    return code, out.getvalue()


@contextlib.contextmanager
def changed(exported: Exported, name: str, data: bytes | None) -> Iterator[Path]:
    """The folder with one file changed, added, or removed."""
    path = exported.folder / name
    before = path.read_bytes() if path.exists() else None
    try:
        if data is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        yield exported.folder
    finally:
        if before is None:
            path.unlink()
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        else:
            path.write_bytes(before)


def flipped(data: bytes, bit: int) -> bytes:
    copy = bytearray(data)
    copy[bit // 8] ^= 1 << bit % 8
    return bytes(copy)


def resigned(
    exported: Exported,
    folder: Path,
    change: Callable[[dict[str, Any], Path], None],
    key: DeviceKey | None = None,
    *,
    digests: bool = True,
) -> Path:
    """A copy that somebody changed and signed anew, digests and all."""
    shutil.copytree(exported.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest, folder)
    for entry in manifest["files"] if digests else ():
        path = folder / entry["path"]
        if path.exists():
            data = path.read_bytes()
            entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    told = canonical(manifest)
    (folder / "manifest.json").write_bytes(told)
    (folder / "signature.json").write_bytes(sign(told, key or exported.key))
    return folder

"""Originals in their store: put there once, never overwritten, read with their digest checked."""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
)
from obstore.store import LocalStore, ObjectStore

from console.originals import place_of
from ioc.telemetry import logger

BLOCK: Final = 2**20
READ_ONLY: Final = 0o444
STAGED: Final = "*/*#*"
"""Names under which a local store writes what it then links to its place."""

_log = logger("console.evidence")


class StorageError(Exception):
    """The store of originals cannot be reached, or refuses; the message says why."""


class DamagedError(Exception):
    """An original is not what its digest says, or is gone; the message says which."""


async def keep(store: ObjectStore, sha256: str, path: Path) -> None:
    """Put a file whose digest was checked into the store; all of it lies there on return.

    The file is mapped, not read: the store's "create" wants all bytes in one piece, and a clip of
    256 MiB would take as much memory. What lies at its place already stays, unless it is another
    than its name says: such bytes were never counted, they are what a power cut left of a write.

    Args:
        store: Of originals.
        sha256: Its digest.
        path: Where it lies now.

    Raises:
        StorageError: The store refuses.
    """
    try:
        if await _is_there(store, sha256) or not await _create(store, sha256, path):
            try:
                await check(store, sha256)
            except DamagedError as error:
                _log.warning("remains of a broken write are replaced", error=str(error))
                await obstore.delete_async(store, place_of(sha256))
                await _create(store, sha256, path)
        if isinstance(store, LocalStore):
            await asyncio.to_thread(_seal, _local(store, sha256))
    except (BaseError, OSError) as error:
        raise StorageError(_plain(error)) from None


async def read(store: ObjectStore, sha256: str) -> AsyncIterator[bytes]:
    """The bytes of an original, piece by piece; its digest is known to be right at the end.

    Raises:
        DamagedError: It is gone, or its bytes have changed. Nothing of it may be used.
        StorageError: The store cannot be reached.
    """
    digest = hashlib.sha256()
    try:
        found = await obstore.get_async(store, place_of(sha256))
        async for piece in found.stream(min_chunk_size=BLOCK):
            data = bytes(piece)
            await asyncio.to_thread(digest.update, data)
            yield data
    except (FileNotFoundError, NotFoundError):
        raise DamagedError(f"{sha256}: is gone") from None
    except (BaseError, OSError) as error:
        raise StorageError(_plain(error)) from None
    if digest.hexdigest() != sha256:
        raise DamagedError(f"{sha256}: its bytes have changed")


async def check(store: ObjectStore, sha256: str) -> int:
    """Read an original to its end; returns its size.

    Raises:
        DamagedError: It is gone, or its bytes have changed.
        StorageError: The store cannot be reached.
    """
    size = 0
    async for piece in read(store, sha256):
        size += len(piece)
    return size


async def copy(store: ObjectStore, sha256: str, path: Path) -> None:
    """Write an original into a file of ours; the file is only there when its digest was right.

    Raises:
        DamagedError: It is gone, or its bytes have changed.
        StorageError: The store or our disk refuses.
    """
    try:
        with path.open("wb") as file:
            async for piece in read(store, sha256):
                await asyncio.to_thread(file.write, piece)
    except OSError as error:
        _remove(path)
        raise StorageError(_plain(error)) from None
    except BaseException:
        _remove(path)
        raise


def sweep_staged(store: ObjectStore, older_s: float, now_s: float) -> int:
    """Remove what a kill left of writes to a local store; returns how many."""
    swept = 0
    if isinstance(store, LocalStore) and store.prefix is not None:
        for path in Path(store.prefix).glob(STAGED):
            try:
                if now_s - path.stat().st_mtime >= older_s:
                    path.unlink()
                    swept += 1
            except FileNotFoundError:
                continue
    return swept


async def _is_there(store: ObjectStore, sha256: str) -> bool:
    """Ask first: a store that refuses a large "create" in its middle may hang up; versitygw does.

    That looks like a broken line, in 3 of 10 tries with 60 MiB, and the sender would be put off.
    """
    try:
        await obstore.head_async(store, place_of(sha256))
    except (FileNotFoundError, NotFoundError):
        return False
    except PermissionDeniedError:
        return False  # S3's answer for what is not there, where lists are not allowed
    return True


async def _create(store: ObjectStore, sha256: str, path: Path) -> bool:
    with path.open("rb") as file:
        # Closed by whoever lets go of it last: a put that is cancelled may still read it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        await obstore.put_async(store, place_of(sha256), mapped, mode="create")
    except AlreadyExistsError:
        return False
    return True


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _local(store: LocalStore, sha256: str) -> Path:
    assert store.prefix is not None
    return Path(store.prefix) / place_of(sha256)


def _seal(path: Path) -> None:
    """Let nobody write to a file by mistake, and bring it and its name to the disk itself."""
    path.chmod(READ_ONLY)
    for one, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        file = os.open(one, flags)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split("\n", 1)[0].split())

"""Signs the audit's daily roots, and lays copies where the database's owner cannot reach."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import obstore
from obstore.store import ObjectStore
from psycopg import Rollback

from console.auth.vault import SIGNING
from console.context import Context
from ioc.errors import ConfigError
from ioc.identity import DeviceKey, Trust
from ioc.telemetry import logger
from store import audit, roots
from store.roots import Root, RootError

FOLDER: Final = "roots"
"""Below ``console.work_dir``."""

PREFIX: Final = "audit/"
"""Where copies lie beside the originals; those lie in folders of two hex digits."""

FORMER: Final = "former"
"""Below ``console.keys_dir``: public keys (PEM) that the console signed with earlier."""

MOST_FILES: Final = 40_000
_log = logger("console.audit")


async def work(context: Context) -> None:
    """One turn: sign what is due, export what is not exported yet."""
    async with context.pool.connection() as connection:
        made = await sign_due(connection, context.vault.signing, context.clock())
        known = await roots.roots(connection)
    await export(known, context.settings.work_dir / FOLDER, context.originals)
    for root in made:
        _log.info("signed", day=root.day.isoformat(), seq=root.seq, hash=root.hash.hex())


async def sign_due(connection: audit.Connection, key: DeviceKey, now: datetime) -> list[Root]:
    """Sign the roots of all finished days that have none.

    Raises:
        RootError: The chain was cut.
    """
    days = await roots.days_due(connection, now)
    made: list[Root] = []
    if not days:
        return made
    async with connection.transaction():
        # The line comes first: it takes the chain's lock, so that all lines of a finished day are
        # there, and no other console signs at the same time.
        await audit.append(
            *(connection, "system:audit", "audit.signed", "audit"),
            days=[day.isoformat() for day in days],
        )
        if await roots.days_due(connection, now) != days:
            raise Rollback  # another console was faster
        made.extend(await roots.sign_days(connection, key, days, now))
        if not made:
            raise Rollback
    return made


async def export(known: Sequence[Root], folder: Path, store: ObjectStore) -> list[Path]:
    """Write each root to a file that is not there yet, and to the store of the originals.

    The file comes last: what has one has both.

    Returns:
        The new files.
    """
    return await asyncio.to_thread(_export, known, folder, store)


def _export(known: Sequence[Root], folder: Path, store: ObjectStore) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written: list[Path] = []
    for root in known:
        path = folder / root.name
        if path.exists():
            continue
        data = root.file()
        obstore.put(store, PREFIX + root.name, data)
        draft = path.with_suffix(".part")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        written.append(path)
    return written


def read_files(paths: Iterable[Path]) -> tuple[list[Root], list[str]]:
    """Roots that were exported earlier.

    Args:
        paths: Files, or folders of them.

    Returns:
        The roots, and what is wrong with files that hold none.

    Raises:
        ConfigError: One cannot be read.
    """
    found: list[Root] = []
    faults: list[str] = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if len(files) > MOST_FILES:
            raise ConfigError(f"{path}: more than {MOST_FILES} files; give those that count")
        for one in files:
            try:
                with one.open("rb") as file:
                    found.append(roots.read_root(file.read(roots.MAX_BYTES + 1)))
            except OSError as error:
                raise ConfigError(f"{one}: {error.strerror}; give the file of a root") from None
            except RootError as error:
                faults.append(f"{one}: {error}")
    return found, faults


def trusted(keys_dir: Path, given: Iterable[Path] = ()) -> Trust:
    """The keys that may have signed roots.

    Args:
        keys_dir: Of the console: its own key, and those in ``former`` that it had before.
        given: More: PEM files, or folders of them.

    Raises:
        ConfigError: One cannot be read.
    """
    own, former = keys_dir / SIGNING, keys_dir / FORMER
    paths = [*given, *([own] if own.exists() else [])]
    if former.is_dir() and any(former.glob("*.pem")):
        paths.append(former)
    return Trust.merged([Trust.load(path) for path in paths])

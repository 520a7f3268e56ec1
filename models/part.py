"""The part of a file that was fetched so far, on the disk and held by one process."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError


class DiskError(Exception):
    """The file cannot be written, whatever the source. One line, with the mend."""


class Note(BaseModel):
    """What a part is a part of.

    Attributes:
        url: Where it came from, without name and password.
        mark: The server's mark of the version, for If-Range: a strong ETag, or a date.
        whole: Bytes of the whole file, if the server said so.
    """

    model_config = ConfigDict(frozen=True)

    url: str = ""
    mark: str = ""
    whole: int | None = None


class Part:
    """A part file ``NAME.part``, and beside it in ``NAME.part.json`` what it is a part of."""

    def __init__(self, target: Path, file: IO[bytes]) -> None:
        self.target = target
        self.path = path_of(target)
        self._note_path = self.path.with_name(f"{self.path.name}.json")
        self._file = file

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def note(self) -> Note:
        """What it is a part of; empty when that is not known."""
        try:
            return Note.model_validate_json(self._note_path.read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError):
            return Note()

    def describe(self, note: Note) -> None:
        """Write down what it is a part of.

        Raises:
            DiskError: It cannot be written.
        """
        try:
            self._note_path.write_text(json.dumps(note.model_dump()), encoding="utf-8")
        except OSError as error:
            raise disk_error(error, self._note_path) from None

    def write(self, chunk: bytes) -> None:
        """Append, out of this process's memory, so that a kill leaves all that came.

        Raises:
            DiskError: It cannot be written.
        """
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            raise disk_error(error, self.path) from None

    def empty(self) -> None:
        """Throw away what is there.

        Raises:
            DiskError: It cannot be written.
        """
        try:
            self._file.truncate(0)
            self._note_path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, self.path) from None

    def make_room(self, needed: int) -> None:
        """See that so many bytes fit on the disk.

        Raises:
            DiskError: They do not.
        """
        free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            raise DiskError(
                f"{self.path.parent}: {needed:,} bytes are needed, {free:,} are free; make room, "
                "or set IOC_MODELS_DIR to another disk"
            )

    def finish(self) -> None:
        """Give the file its name, once all of it is on the disk.

        Raises:
            DiskError: It cannot be written.
        """
        try:
            os.fsync(self._file.fileno())
            self.path.replace(self.target)
            self._note_path.unlink(missing_ok=True)
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise disk_error(error, self.target) from None

    def drop(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)


def path_of(target: Path) -> Path:
    """The part file of a file."""
    return target.with_name(f"{target.name}.part")


@contextmanager
def held_part(target: Path) -> Iterator[Part]:
    """The part of a file, to go on at its end; no second process gets it meanwhile.

    Raises:
        DiskError: It cannot be opened, or another process holds it.
    """
    path = path_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise disk_error(error, path) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A holder that finished in between has renamed what was opened here.
            ours = path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except BlockingIOError:
            ours = False
        if not ours:
            raise DiskError(f"{path}: another process is fetching this file; wait for it")
        yield Part(target, file)


def disk_error(error: OSError, path: Path) -> DiskError:
    """One line on why a file cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskError(
            f"{path}: the disk is full; make room, or set IOC_MODELS_DIR to another disk; the same "
            "command then goes on"
        )
    return DiskError(
        f"{path}: {error.strerror}; set IOC_MODELS_DIR to a folder that can be written"
    )

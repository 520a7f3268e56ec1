"""How far a check of custody has come, kept in a small file between two turns."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import msgspec

MAX_BYTES: Final = 1_000_000
"""What is larger was not written here."""

T = TypeVar("T")


def read_progress(path: Path, kind: type[T]) -> T | None:
    """What was kept; None when there is nothing, or nothing that can be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=kind)
    except (OSError, ValueError):
        return None


def write_progress(path: Path, told: object) -> None:
    """Keep it, in the place of what was kept before."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".part")
    draft.write_bytes(msgspec.json.encode(told))
    draft.rename(path)

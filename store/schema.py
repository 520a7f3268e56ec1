"""The migrations that come with the package: their order, flavours and checksums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "migrations"
_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)(?:\.(?P<flavour>plain|timescale))?$")


class Flavour(StrEnum):
    """What kind of database: the same tables and columns, kept in two ways."""

    PLAIN = "plain"
    TIMESCALE = "timescale"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema.

    Attributes:
        version: Its number; steps are applied in this order.
        checksum: SHA-256 of the file, which must never change once it was applied.
    """

    version: int
    name: str
    checksum: str
    sql: str


@cache
def migrations(flavour: Flavour, folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All steps for a flavour, in order.

    A file ``0003_name.sql`` is for both, ``0003_name.plain.sql`` and ``0003_name.timescale.sql``
    are one step in two forms.

    Raises:
        ValueError: A file's name has another shape, or a number is missing, given twice, or has
            only one of the two forms.
    """
    steps: dict[int, dict[str | None, tuple[str, Path]]] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.match(path.name.removesuffix(".sql"))
        if match is None:
            raise ValueError(f"{path.name}: expected 0001_name.sql or 0001_name.plain.sql")
        forms = steps.setdefault(int(match["version"]), {})
        if match["flavour"] in forms:
            raise ValueError(f"{path.name}: number {match['version']} is there twice")
        forms[match["flavour"]] = (match["name"], path)
    for expected, version in enumerate(sorted(steps), start=1):
        if version != expected:
            raise ValueError(f"migration {expected:04} is missing")
        given: set[str | None] = set(steps[version])
        if given not in ({None}, {str(flavour) for flavour in Flavour}):
            raise ValueError(f"migration {version:04}: give one file, or both flavours")
    return tuple(_read(version, *_form(steps[version], flavour)) for version in sorted(steps))


def _form(forms: dict[str | None, tuple[str, Path]], flavour: Flavour) -> tuple[str, Path]:
    return forms[None] if None in forms else forms[flavour]


def _read(version: int, name: str, path: Path) -> Migration:
    content = path.read_bytes()
    return Migration(version, name, sha256(content).hexdigest(), content.decode())

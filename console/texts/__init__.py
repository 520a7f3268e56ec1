"""All words of the screens, in Vietnamese and English: ``key = { vi = "…", en = "…" }``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

from ioc.errors import ConfigError

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")
_FOLDER: Final = Path(__file__).parent


@cache
def texts() -> dict[str, dict[str, str]]:
    """Key → language → text, from all files of this folder.

    Raises:
        ConfigError: A key is there twice, or lacks a language.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for key, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if key in found:
                raise ConfigError(f"{path}: {key}: is in another file too; choose another key")
            if not isinstance(entry, dict) or entry.keys() != set(LANGUAGES):
                raise ConfigError(f"{path}: {key}: give vi and en")
            found[key] = entry
    return found


def say(language: str, key: str, /, **values: object) -> str:
    """A text, with its values put in.

    Raises:
        KeyError: There is no such text.
    """
    text = texts()[key][language if language in LANGUAGES else "vi"]
    return text.format(**values) if values else text

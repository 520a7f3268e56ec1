"""A TOML file that a person wrote, read within bounds and with errors that tell the mend."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from ioc.errors import ConfigError

MAX_FILE_BYTES: Final = 1_000_000


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The content of a TOML file.

    Args:
        path: The file.
        what: What it should be, for messages, such as ``a law file``.

    Raises:
        ConfigError: It cannot be read, is too large, or is no TOML.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes; is it {what}?")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of {what}") from None
    except (ValueError, RecursionError) as error:
        # ValueError: faults of TOML, text that is not UTF-8, and dates such as 2026-02-30.
        raise ConfigError(f"{path}: not TOML: {' '.join(str(error).split())}") from None
